import { type Command, InvalidArgumentError } from 'commander'
import type { Client, JobFilter, JobSummary } from '../../client/index.js'
import { STATES, type State } from '../../schema/state.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'
import { between, progressCell, standing } from '../text.js'

interface Flags extends ServerFlags {
  state?: State[]
  name?: string
  group?: string
  limit: number
}

/** Jobs that the server gives in one page at most. */
const PAGE = 500
/** Characters of an id that are shown, unless two of the listed jobs would look the same. */
const ID_LENGTH = 10

/** `anneal list`: jobs, newest first. */
export function define(command: Command): void {
  command
    .option('--state <state>', `one of ${STATES.join(', ')}; repeatable`, states)
    .option('--name <name>', 'only jobs of that name')
    .option('--group <group>', 'only jobs of that pipeline or sweep: id, beginning of an id, or name')
    .option('--limit <count>', 'at most so many', wholeNumber, 50)
  withServer(command).action(async (flags: Flags) => {
    const jobs = await listJobs(connect(flags), flags)
    if (flags.json) return printJson({ jobs })
    if (jobs.length === 0) return say('no jobs; submit one with: anneal run -- python train.py')
    const length = idLength(jobs.map((job) => job.id))
    print(
      table([
        ['ID', 'NAME', 'STATE', 'ATTEMPT', 'PRIO', 'AGE', 'RUNNING', 'PROGRESS'],
        ...jobs.map((job) => row(job, length)),
      ]),
    )
  })
}

async function listJobs(client: Client, { state, name, group, limit }: Flags): Promise<JobSummary[]> {
  const filter: JobFilter = { ...(state ? { state } : {}), ...(name ? { name } : {}), ...(group ? { group } : {}) }
  const jobs: JobSummary[] = []
  for (let cursor: string | null | undefined; cursor !== null && jobs.length < limit; ) {
    const page = await client.listJobs({
      ...filter,
      limit: Math.min(PAGE, limit - jobs.length),
      ...(cursor ? { cursor } : {}),
    })
    jobs.push(...page.jobs)
    cursor = page.next
  }
  return jobs
}

function row(job: JobSummary, length: number): string[] {
  const { id, name, attempt, priority, createdAt, startedAt, endedAt } = job
  const age = between(createdAt, null)
  const running = between(startedAt, endedAt)
  const progress = progressCell(job)
  return [id.slice(0, length), name, standing(job), String(attempt), String(priority), age, running, progress]
}

/** Ids that are made in the same millisecond begin alike; then more is shown. */
function idLength(ids: string[]): number {
  const isUnique = (length: number) => new Set(ids.map((id) => id.slice(0, length))).size === ids.length
  let length = ID_LENGTH
  while (length < 26 && !isUnique(length)) length += 1
  return length
}

function states(text: string, before: State[] = []): State[] {
  const known = STATES.find((state) => state === text)
  if (!known) throw new InvalidArgumentError(`Expected one of ${STATES.join(', ')}.`)
  return [...before, known]
}
