import type { Artifacts, Client } from '../../client/index.js'
import { parseArtifactName } from '../../schema/artifact-name.js'
import { Failure } from '../../schema/failure.js'

/** Files or folders of the outputs of one attempt. */
export interface Source {
  jobId: string
  attempt: number | undefined
  /** Empty: all outputs. */
  path: string
}

/** What a job, or a name of artifacts such as `support-bot:prod`, and a path below it mean. */
export async function sourceOf(
  client: Client,
  ref: string,
  inner: string | undefined,
  attempt: number | undefined,
): Promise<Source> {
  const path = (inner ?? '').replace(/\/+$/, '')
  if (!/[:@]/.test(ref)) return { jobId: (await client.showJob(ref)).id, attempt, path }
  if (!parseArtifactName(ref)) throw notAName(ref)
  const { current } = await client.showArtifactName(ref)
  if (!current) throw notAName(ref)
  const whole = [current.path, path].filter((part) => part !== '').join('/')
  return { jobId: current.jobId, attempt: current.attempt, path: whole }
}

/** The whole listing, page after page. */
export async function allEntries(client: Client, { jobId, attempt, path }: Source): Promise<Artifacts> {
  const query = { ...(attempt === undefined ? {} : { attempt }), ...(path === '' ? {} : { under: path }), limit: 5000 }
  const first = await client.listArtifacts(jobId, query)
  const entries = [...first.entries]
  for (let after = first.next; after !== null; ) {
    const page = await client.listArtifacts(jobId, { ...query, attempt: first.attempt, after })
    entries.push(...page.entries)
    after = page.next
  }
  return { ...first, entries, next: null }
}

function notAName(text: string): Failure {
  return new Failure('not_found', `There is no artifact ${text}`, { next: 'see anneal artifact names' })
}
