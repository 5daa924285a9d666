import { FromAgent, type FromAgentParsed } from '../schema/agent.js'
import { Failure } from '../schema/failure.js'
import { problemsOf } from '../schema/problems.js'

/** Problems of one message that are told. */
const MOST_PROBLEMS = 3

/** What a host says, checked; fails with `invalid_request`, saying where it does not fit and what stands there. */
export function readMessage(text: string): FromAgentParsed {
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch (error) {
    throw new Failure('invalid_request', `A message of a host is not JSON: ${(error as Error).message}`)
  }
  const result = FromAgent.safeParse(input)
  if (result.success) return result.data
  const problems = problemsOf(result.error, FromAgent, input)
  const said = problems.slice(0, MOST_PROBLEMS).map(({ path, message, value }) => {
    const stands = value === undefined ? '' : `, and not ${JSON.stringify(value)}`
    return `${path}: ${message}${stands}`
  })
  const more = problems.length > MOST_PROBLEMS ? ` (and ${problems.length - MOST_PROBLEMS} more)` : ''
  throw new Failure('invalid_request', `A message of a host does not fit: ${said.join('; ')}${more}`, {
    problems: problems.slice(0, MOST_PROBLEMS),
    next: "Mend what the host reports, or bring agent and server to the same version: see the host's log.",
  })
}
