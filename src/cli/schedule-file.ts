import { dirname, resolve } from 'node:path'
import type { Client, ScheduleInput } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { type JobFile, readJobFile } from './spec/job-file.js'
import { checkSize } from './spec/size.js'

/** When it fires, as flags; they overrule the file. */
export interface TimingFlags {
  cron?: string
  every?: string
  offset?: string
  timezone?: string
  overlap?: string
  catchUp?: string
}

/** A description of a schedule, and how a place in it is named to its author. */
export interface ScheduleSource {
  schedule: Record<string, unknown>
  job: Record<string, unknown> | undefined
  /** Runs a call; what it refuses is found again in the file or among the flags. */
  locating<T>(call: () => Promise<T>): Promise<T>
}

/** Reads a job file, or a file with `schedule:` and `job:`; without a file only the flags count. Packs nothing yet. */
export async function readSchedule(file: string | undefined, flags: TimingFlags): Promise<ScheduleSource> {
  const read = file === undefined ? undefined : await readJobFile(file)
  const isWhole = read !== undefined && 'job' in read.spec && !('command' in read.spec)
  const inFile = isWhole ? (read.spec.schedule ?? {}) : {}
  const schedule = { ...(inFile as object), ...timingOf(flags) }
  const job = isWhole ? read.spec.job : read?.spec
  if (isWhole) checkKeys(read)
  return {
    schedule,
    job: job as Record<string, unknown> | undefined,
    locating: (call) => locating(call, read, isWhole, flags),
  }
}

/** The same with the folder that `workdir` names packed and sent; relative to the file. */
export async function withWorkdir(
  client: Client,
  file: string | undefined,
  job: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const folder = job.workdir
  checkSize(file ?? 'the job', Buffer.byteLength(JSON.stringify(job)))
  if (typeof folder !== 'string') return job
  const { prepareWorkdir } = await import('./workdir/prepare.js')
  const base = file === undefined || file === '-' ? '.' : dirname(file)
  return { ...job, workdir: await prepareWorkdir(client, resolve(base, folder)) }
}

/** As the API takes it, without a folder that is still to be packed. */
export function inputOf(name: string, { schedule, job }: ScheduleSource): ScheduleInput {
  const sent = typeof job?.workdir === 'string' ? { ...job, workdir: undefined } : job
  return { name, schedule, job: sent } as unknown as ScheduleInput
}

function timingOf({ cron, every, offset, timezone, overlap, catchUp }: TimingFlags): Record<string, string> {
  const named = { cron, every, offset, timezone, overlap, catchUp }
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function checkKeys({ spec, name, locate }: JobFile): void {
  const others = Object.keys(spec).filter((key) => key !== 'schedule' && key !== 'job')
  if (others.length === 0) return
  const problems = others.map((key) => ({
    path: `${locate(key)} ${key}`,
    message: 'unknown key',
    expected: 'schedule and job',
  }))
  throw new Failure('invalid_spec', `${name} has keys that no schedule has`, { problems, next: 'mend what is named' })
}

const FLAGS = new Map([['catchUp', '--catch-up']])

async function locating<T>(
  call: () => Promise<T>,
  file: JobFile | undefined,
  isWhole: boolean,
  flags: TimingFlags,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const { code, problems } = error as Failure
    if (failureCode(error) !== 'invalid_spec' || !problems) throw error
    const place = (path: string) => {
      const key = /^schedule\.(\w+)/.exec(path)?.[1]
      if (key && key in timingOf(flags)) return FLAGS.get(key) ?? `--${key}`
      const inFile = isWhole ? path : path.replace(/^job(\.|$)/, '')
      if (!file || (!isWhole && path.startsWith('schedule'))) return path
      return `${file.locate(inFile === '' ? '(document)' : inFile)} ${inFile}`.trimEnd()
    }
    const located = problems.map((problem) => ({ ...problem, path: place(problem.path) }))
    const what = file?.name ?? 'The schedule'
    const message = `${what} has ${located.length === 1 ? 'an error' : `${located.length} errors`}`
    throw new Failure(code, message, {
      problems: located,
      next: 'mend what is named, then try again',
      cause: error,
    })
  }
}
