import { dirname, resolve } from 'node:path'
import type { Client, Job, JobSpec, Plan } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { isThisMachine } from './connection.js'
import { say } from './output.js'
import { readInputs } from './spec/inputs.js'
import type { JobFile } from './spec/job-file.js'
import { applyFlags, type FlaggedSpec, type JobFlags, originOf } from './spec/job-flags.js'
import { nameOfProgram } from './spec/program-name.js'
import { checkSize } from './spec/size.js'

/** What is to be run: a job file, or a command without one, or a file whose command is another. */
export interface Source {
  file?: string | undefined
  command?: string[] | undefined
}

/** Reads, merges, packs and submits. A problem that the server names is found again in the file or among the flags. */
export async function submit(client: Client, source: Source, flags: JobFlags): Promise<Job> {
  const read = await prepare(client, source, flags)
  return locating(read, async () => {
    const { job, existed } = await client.submitJob(read.spec as JobSpec, flags.idempotencyKey)
    if (existed) say(`this key has been used for the same job before: it is ${job.id}`)
    return job
  })
}

/** Reads, merges and packs: a description as a server takes it, and where its parts come from. */
export async function prepare(client: Client, source: Source, flags: JobFlags): Promise<ReadSource> {
  const read = await readSource(client, source, flags)
  const folder = workdirOf(read.spec.workdir, source, flags)
  if (folder === null) delete read.spec.workdir
  if (typeof folder === 'string') await checkBeforePacking(client, read)
  await checkData(client, read, folder, flags)
  if (typeof folder === 'string') {
    const { prepareWorkdir } = await import('./workdir/prepare.js')
    read.spec.workdir = await prepareWorkdir(client, folder)
  }
  checkSize(read.file?.name ?? 'the job', Buffer.byteLength(JSON.stringify(read.spec)))
  return read
}

/** What would become of the job; nothing is packed or sent but the description. */
export async function plan(client: Client, source: Source, flags: JobFlags): Promise<Plan> {
  const read = await readWithoutFolder(client, source, flags)
  const found = await locating(read, () => client.planJob(read.spec as JobSpec))
  await checkData(client, read, read.folder, flags)
  return found
}

/** Reads and merges; its folder is left out of the description, since nothing is to be packed. */
export async function readWithoutFolder(
  client: Client,
  source: Source,
  flags: JobFlags,
): Promise<ReadSource & { folder: string | null | undefined }> {
  const read = await readSource(client, source, flags)
  const folder = workdirOf(read.spec.workdir, source, flags)
  delete read.spec.workdir
  return { ...read, folder }
}

/** Of a fine-tune that a host of ours may run, where the data are within reach and the user has not said otherwise. */
async function checkData(
  client: Client,
  { spec }: ReadSource,
  folder: string | null | undefined,
  { check }: JobFlags,
): Promise<void> {
  const providers = [spec.provider ?? 'local'].flat()
  if (spec.finetune === undefined || check === false || !providers.includes('local')) return
  const { checkFinetune } = await import('./finetune-check.js')
  await checkFinetune(spec.finetune, { folder, isThisMachine: isThisMachine(client.url.split(',')) })
}

/** A large folder is not packed and sent for a description that would be refused. */
async function checkBeforePacking(client: Client, read: ReadSource): Promise<void> {
  const { workdir: _, ...spec } = read.spec
  await locating(read, () => client.planJob(spec as JobSpec))
}

export interface ReadSource {
  file: JobFile | undefined
  flagged: FlaggedSpec
  spec: Record<string, unknown>
}

async function readSource(client: Client, source: Source, flags: JobFlags): Promise<ReadSource> {
  const file = await readFile(source.file)
  const inputs = await readInputs(client, flags.input)
  const flagged = applyFlags(withCommand(file?.spec ?? {}, source), flags, inputs)
  return { file, flagged, spec: flagged.spec }
}

/** Lets a call name what is wrong by its place in the file or by its flag. `under`: where the job stands in what is sent, such as `array.job.`. */
export async function locating<T>({ file, flagged }: ReadSource, call: () => Promise<T>, under = ''): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw failureCode(error) === 'invalid_spec' ? located(error as Failure, file, flagged, under) : error
  }
}

/** Loads the parser only where there is a file. */
async function readFile(file: string | undefined): Promise<JobFile | undefined> {
  if (file === undefined) return undefined
  const { readJobFile } = await import('./spec/job-file.js')
  return readJobFile(file)
}

/** One word with spaces in it is a line for the shell; else the words are the program and its arguments. */
function withCommand(spec: Record<string, unknown>, { command = [] }: Source): Record<string, unknown> {
  if (command.length === 0) return spec
  const [first = ''] = command
  const line = command.length === 1 && /\s/.test(first) ? first : command
  return { name: nameOfProgram(command), ...spec, command: line }
}

/**
 * The folder to pack; null for none, undefined where the description is to be left as it is. A path in a file is relative
 * to the file, a flag to where we are; without a file the folder where we are is taken, as a person would expect it.
 */
function workdirOf(inSpec: unknown, { file }: Source, { workdir }: JobFlags): string | null | undefined {
  if (workdir === false) return null
  if (typeof workdir === 'string') return resolve(workdir)
  if (typeof inSpec === 'string') return resolve(file === undefined || file === '-' ? '.' : dirname(file), inSpec)
  return file === undefined ? process.cwd() : undefined
}

function located(failure: Failure, file: JobFile | undefined, { origins }: FlaggedSpec, under: string): Failure {
  if (!failure.problems) return failure
  const problems = failure.problems.map((problem) => {
    const path = problem.path.startsWith(under) ? problem.path.slice(under.length) : problem.path
    const place = originOf(origins, path) ?? file?.locate(path)
    return { ...problem, path: place === undefined ? path : `${place} ${path}` }
  })
  const count = problems.length === 1 ? 'an error' : `${problems.length} errors`
  const message = `${file?.name ?? 'The job description'} has ${count}`
  return new Failure(failure.code, message, { problems, next: 'mend what is named, then try again', cause: failure })
}
