import { Failure, type Problem } from '../schema/failure.js'
import type { Notify } from '../schema/notify.js'
import { nearest } from '../schema/problems.js'
import type { Notice } from '../schema/webhook.js'
import type { Db } from './database.js'

/** What a description says of a webhook, in one form; `on` undefined: what the webhook was added for. */
export function namedIn(notify: Notify | undefined): { webhook: string; on: readonly Notice[] | undefined }[] {
  return (notify ?? []).map((entry) =>
    typeof entry === 'string' ? { webhook: entry, on: undefined } : { on: undefined, ...entry },
  )
}

/** Fails with `invalid_spec`, naming each place such as `notify[0]` and the webhooks that there are, where one of them is not known. */
export async function checkNotify(
  db: Db,
  project: string,
  places: readonly { path: string; notify: Notify | undefined }[],
): Promise<void> {
  const wanted = places.flatMap(({ path, notify }) =>
    namedIn(notify).map(({ webhook }, i) => ({ path: `${path}[${i}]`, webhook })),
  )
  if (wanted.length === 0) return
  const known = await namesOf(db, project)
  const problems = wanted.filter(({ webhook }) => !known.includes(webhook)).map((one) => problemOf(one, known))
  const [first] = problems
  if (!first) return
  throw new Failure('invalid_spec', `${first.path}: ${first.message}`, {
    problems,
    next: 'See anneal webhook list, or add one with: anneal webhook add URL --on ended --name NAME',
  })
}

function problemOf({ path, webhook }: { path: string; webhook: string }, known: string[]): Problem {
  const expected = known.length > 0 ? `one of ${known.join(', ')}` : 'none: no webhook of the project has a name'
  return { path, message: `there is no webhook ${webhook}${nearest(webhook, known)}`, value: webhook, expected }
}

async function namesOf(db: Db, project: string): Promise<string[]> {
  const rows = await db
    .selectFrom('webhooks')
    .select('name')
    .where('project', '=', project)
    .where('removed_at', 'is', null)
    .where('name', 'is not', null)
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name as string)
}
