import { type InputPage, MAX_ENTRIES } from '../schema/artifact.js'
import { parseArtifactName } from '../schema/artifact-name.js'
import type { Exit } from '../schema/contract.js'
import { Failure, type Problem } from '../schema/failure.js'
import { type Input, type JobSpec, providersOf } from '../schema/job.js'
import type { InputView } from '../schema/view.js'
import { measure, within } from './artifact-files.js'
import { shareOutputs } from './artifact-holds.js'
import { resolveName } from './artifact-names.js'
import { isRemoved } from './artifact-removal.js'
import { currentAttempt, updateAttempt } from './attempts.js'
import type { Db, JobInputRow, JobRow } from './database.js'
import { allocatePool, allocationId, releaseDevices } from './ledger.js'
import { findJob } from './queries.js'
import type { Tx } from './store.js'
import { lockJob, raiseVersion, record } from './timeline.js'

/**
 * What jobs take from the outputs of others. A name is resolved at the submit, and what it meant then holds for good. A
 * job that has not ended is waited for: the allocation of the job that waits is held back, so it has no place in the
 * queue and no device. Whatever ends the waiting calls `releaseWaiting`; the sweep calls it again.
 */

/** Writes down what a new job takes. Fails with `invalid_spec`, naming each input that cannot be had. */
export async function takeInputs(tx: Tx, job: JobRow, spec: JobSpec, retryOf?: JobRow): Promise<void> {
  const inputs = Object.entries(spec.inputs ?? {})
  if (inputs.length === 0) return
  if (providersOf(spec).some(({ name }) => name !== 'local')) throw onlyLocal()
  const before = retryOf ? await inputsOf(tx.q, retryOf.id) : []
  const problems: Problem[] = []
  for (const [key, input] of inputs) {
    const same = before.find((row) => row.key === key && row.state === 'ready')
    const found = same ? await again(tx, same) : await resolve(tx.q, job, input, tx)
    if (typeof found === 'string') problems.push({ path: `inputs.${key}`, message: found })
    else
      await tx.q
        .insertInto('job_inputs')
        .values({ ...found, job_id: job.id, key })
        .execute()
  }
  const [first] = problems
  if (first) {
    throw new Failure('invalid_spec', `${first.path}: ${first.message}`, {
      problems,
      next: 'See anneal artifact list JOB, or anneal artifact names, for what there is.',
    })
  }
}

/** What inputs mean now, by key: the same again as long as they lead to the same outputs, wherever a tag or a name has gone. */
export async function contentOf(db: Db, project: string, inputs: JobSpec['inputs']): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  for (const [key, input] of Object.entries(inputs ?? {})) {
    const found = await resolve(db, { project }, input)
    content[key] = typeof found === 'string' ? found : JSON.stringify([found.from_job, found.from_attempt, found.path])
  }
  return content
}

/** A retry is given the very same, or nothing where some of it has been removed since. */
async function again(tx: Tx, row: JobInputRow): Promise<JobInputRow | string> {
  await shareOutputs(tx, row.from_job)
  const place = { jobId: row.from_job, attempt: row.from_attempt as number, path: row.path }
  if (!(await isRemoved(tx.q, place))) return row
  const what = row.name === null ? `the outputs of job ${row.from_job}` : `${row.name}@${row.version}`
  return `${what}, which it was given before, have been removed`
}

type Source = Omit<JobInputRow, 'job_id' | 'key'>

/** In words, why it cannot be had. With `tx`: it is about to be referred to, and nobody removes it meanwhile. */
async function resolve(db: Db, job: Pick<JobRow, 'project'>, input: Input, tx?: Tx): Promise<Source | string> {
  if ('artifact' in input) return resolveNamed(db, job, input, tx)
  const from = await findJob(db, job.project, input.job).catch((error: Failure) => error.message)
  if (typeof from === 'string') return from
  const source = { from_job: from.id, path: input.path ?? '', name: null, version: null, problem: null }
  if (from.state !== 'ended') return { ...source, from_attempt: null, state: 'waiting' }
  if (from.artifacts_state === 'uploading') return { ...source, from_attempt: from.attempt, state: 'waiting' }
  if (tx) await shareOutputs(tx, from.id)
  const problem = await lacking(db, from, source.path)
  return problem ?? { ...source, from_attempt: from.attempt, state: 'ready' }
}

async function resolveNamed(
  db: Db,
  { project }: Pick<JobRow, 'project'>,
  { artifact: text, path: inner = '' }: Extract<Input, { artifact: string }>,
  tx?: Tx,
): Promise<Source | string> {
  const wanted = parseArtifactName(text)
  const found = wanted && (await resolveName(db, project, wanted))
  if (!found) return `there is no artifact ${text}`
  if (tx) await shareOutputs(tx, found.job_id)
  const path = [found.path, inner].filter((part) => part !== '').join('/')
  const { files } = await measure(db, { jobId: found.job_id, attempt: found.attempt, path })
  if (files === 0) return `artifact ${found.name}@${found.version} has nothing at ${path}`
  const { job_id: from_job, attempt: from_attempt, name, version } = found
  return { from_job, from_attempt, path, name, version, state: 'ready', problem: null }
}

/** Why nothing can be had of a job that has ended, in words; undefined when something is there. */
async function lacking(db: Db, from: JobRow, path: string): Promise<string | undefined> {
  const what = `job ${from.name} (${from.id})`
  if (from.artifacts_state === null) return `${what} has put nothing into $ANNEAL_OUTPUT_DIR`
  const { files } = await measure(db, { jobId: from.id, attempt: from.attempt, path })
  if (files > 0) return undefined
  if (await isRemoved(db, { jobId: from.id, attempt: from.attempt, path }))
    return `the outputs of ${what} have been removed`
  if (from.artifacts_state === 'failed') return `the outputs of ${what} could not be kept`
  return `${what} has put nothing at ${JSON.stringify(path)} in $ANNEAL_OUTPUT_DIR`
}

function onlyLocal(): Failure {
  const message = 'only hosts of your own can be given inputs'
  return new Failure('invalid_spec', `inputs: ${message}`, {
    problems: [{ path: 'inputs', message, expected: 'provider: local' }],
    next: 'Leave the inputs out, or let the job run on provider local.',
  })
}

/** Whether a job may have a place in its queue; `failed`: one of its inputs will never come, and why. */
export async function inputsStanding(db: Db, jobId: string): Promise<{ waits: boolean; failed: string | undefined }> {
  const rows = await inputsOf(db, jobId)
  const failed = rows.find(({ state }) => state === 'failed')
  return {
    waits: rows.some(({ state }) => state === 'waiting'),
    failed: failed && `Input ${failed.key}: ${failed.problem}.`,
  }
}

/** Lets go on who waits for the outputs of a job, once that has ended and they are kept. Silent when nobody does. */
export async function releaseWaiting(tx: Tx, fromJob: string): Promise<void> {
  const rows = await tx.q
    .selectFrom('job_inputs')
    .selectAll()
    .where('from_job', '=', fromJob)
    .where('state', '=', 'waiting')
    .execute()
  if (rows.length === 0) return
  const from = await tx.q.selectFrom('jobs').selectAll().where('id', '=', fromJob).executeTakeFirstOrThrow()
  if (from.state !== 'ended' || from.artifacts_state === 'uploading') return
  for (const row of rows) {
    const problem = unfinished(from, row) ?? (await lacking(tx.q, from, row.path)) ?? null
    await tx.q
      .updateTable('job_inputs')
      .set({ state: problem ? 'failed' : 'ready', problem, from_attempt: from.attempt })
      .where('job_id', '=', row.job_id)
      .where('key', '=', row.key)
      .execute()
  }
  for (const jobId of new Set(rows.map((row) => row.job_id))) await goOn(tx, jobId)
}

/** Who has waited for a job to do its work does not want the half of it; who named an ended one knew how it had ended. */
function unfinished(from: JobRow, row: JobInputRow): string | undefined {
  if (row.from_attempt !== null || from.reason === 'completed') return undefined
  return `job ${from.name} (${from.id}), which it waited for, has ended as ${from.reason}`
}

/** Every job whose waiting may be over; for the sweep, which finds what two transactions at once have missed. */
export async function overdueInputs(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('job_inputs as i')
    .innerJoin('jobs as j', 'j.id', 'i.from_job')
    .select('i.from_job')
    .distinct()
    .where('i.state', '=', 'waiting')
    .where('j.state', '=', 'ended')
    .where((eb) => eb.or([eb('j.artifacts_state', 'is', null), eb('j.artifacts_state', '!=', 'uploading')]))
    .execute()
  return rows.map((row) => row.from_job)
}

async function goOn(tx: Tx, jobId: string): Promise<void> {
  const job = await lockJob(tx, jobId)
  const { waits, failed } = await inputsStanding(tx.q, jobId)
  if (!job || job.state === 'ended' || job.attempt === 0 || (waits && !failed)) return
  if (failed) return failInputs(tx, job, failed)
  const { numUpdatedRows } = await tx.q
    .updateTable('allocations')
    .set({ state: 'waiting' })
    .where('id', '=', allocationId(jobId, job.attempt))
    .where('state', '=', 'held_back')
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return
  await record(tx, { jobId, attempt: job.attempt, type: 'inputs_ready', actor: 'server' })
  await allocatePool(tx, job.pool)
}

/** Ends the attempt before it has begun: it has no device and no host, and so nothing of it is left. */
export async function failInputs(tx: Tx, job: JobRow, problem: string): Promise<void> {
  const attempt = await currentAttempt(tx.q, job)
  if (attempt?.wanted !== 'none' || attempt.granted_at !== null || attempt.settled_at !== null) return
  const exit = JSON.stringify({ phase: 'setup', code: null } satisfies Exit)
  const end = { refused: problem, exit, exited_at: tx.now, empty_at: tx.now }
  await updateAttempt(tx, attempt, { wanted: 'stop', stop_at: tx.now, ...end })
  await releaseDevices(tx, job.pool, job.id, attempt.number)
  const event = { type: 'refused', actor: 'server', data: { message: problem } }
  await record(tx, { jobId: job.id, attempt: attempt.number, ...event })
  await raiseVersion(tx, job.id)
}

/** What a job takes, and how far that is. */
export async function viewInputs(db: Db, jobId: string): Promise<InputView[]> {
  return (await inputsOf(db, jobId)).map((row) => ({
    key: row.key,
    jobId: row.from_job,
    attempt: row.from_attempt,
    path: row.path,
    artifact: row.name === null ? null : `${row.name}@${row.version}`,
    state: row.state,
    problem: row.problem,
  }))
}

/** In words, what a job waits for before it may have a device; null where it does not. */
export async function inputsWait(db: Db, jobId: string): Promise<string | null> {
  const row = await db
    .selectFrom('job_inputs as i')
    .innerJoin('jobs as j', 'j.id', 'i.from_job')
    .leftJoin('artifact_sets as s', (on) =>
      on.onRef('s.job_id', '=', 'j.id').onRef('s.attempt', '=', 'j.attempt').on('s.state', '=', 'uploading'),
    )
    .leftJoin('hosts as h', 'h.id', 's.host_id')
    .select(['i.key', 'j.id', 'j.name', 'j.state', 'h.name as host', 'h.connected', 'h.last_seen_at'])
    .where('i.job_id', '=', jobId)
    .where('i.state', '=', 'waiting')
    .orderBy('i.key')
    .executeTakeFirst()
  if (!row) return null
  const what = `input ${row.key} from job ${row.name} (${row.id})`
  if (row.state !== 'ended') return `${what}, which is ${row.state}`
  const silent = row.connected === 0 ? `, silent since ${new Date(row.last_seen_at as number).toISOString()}` : ''
  return `${what}, which host ${row.host ?? '?'} uploads${silent}`
}

/** One page of the files of an input, by their paths below it. Fails with `not_found` where the job has no such input. */
export async function inputPage(db: Db, jobId: string, key: string, after = ''): Promise<InputPage> {
  const row = (await inputsOf(db, jobId)).find((input) => input.key === key)
  if (row?.state !== 'ready' || row.from_attempt === null) {
    throw new Failure('not_found', `Job ${jobId} has no input ${key} that is ready`)
  }
  const place = { jobId: row.from_job, attempt: row.from_attempt, path: row.path }
  const { isFile } = await measure(db, place)
  const files = await within(db, place)
    .where('path', '>', after)
    .where('sha256', 'is not', null)
    .limit(MAX_ENTRIES)
    .execute()
  const skip = row.path === '' ? 0 : row.path.length + 1
  return {
    isFile: isFile && row.path !== '',
    files: files.map(({ path, size, sha256, mode }) => ({
      path: path.slice(skip),
      size,
      sha256: sha256 as string,
      mode,
    })),
    next: files.length === MAX_ENTRIES ? (files.at(-1)?.path ?? null) : null,
  }
}

function inputsOf(db: Db, jobId: string): Promise<JobInputRow[]> {
  return db.selectFrom('job_inputs').selectAll().where('job_id', '=', jobId).orderBy('key').execute()
}
