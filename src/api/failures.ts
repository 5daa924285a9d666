import { ProblemBody } from '../schema/view.js'

/** The problem answers that a route may give, for its declaration. */
export function failures<S extends number>(...statuses: S[]): Record<S, typeof ProblemBody> {
  return Object.fromEntries(statuses.map((status) => [status, ProblemBody])) as Record<S, typeof ProblemBody>
}
