import { dirname } from 'node:path'
import type { Client, ScheduleInput } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { BODY_KINDS } from '../schema/schedule-kinds.js'
import { hasFolder, packAll, workdirsOf } from './pipeline/file.js'
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
  /** What it submits, under its key; undefined where only flags were given. */
  body: Body | undefined
  /** Runs a call; what it refuses is found again in the file or among the flags. */
  locating<T>(call: () => Promise<T>): Promise<T>
}

type Raw = Record<string, unknown>
/** One of `job`, `pipeline` and `sweep`. */
export type Body = { [key in (typeof BODY_KINDS)[number]]?: Raw }

/**
 * Reads a job file, or a file with `job:`, `pipeline:` or `sweep:`, and `schedule:` beside it; without a file only the flags count.
 * Packs nothing yet.
 */
export async function readSchedule(file: string | undefined, flags: TimingFlags): Promise<ScheduleSource> {
  const read = file === undefined ? undefined : await readJobFile(file)
  const isWhole = read !== undefined && !('command' in read.spec) && BODY_KINDS.some((kind) => kind in read.spec)
  const inFile = isWhole ? (read.spec.schedule ?? {}) : {}
  const schedule = { ...(inFile as object), ...timingOf(flags) }
  if (isWhole) checkKeys(read)
  const { schedule: _, ...whole } = read?.spec ?? {}
  return {
    schedule,
    body: read && ((isWhole ? whole : { job: read.spec }) as Body),
    locating: (call) => locating(call, read, isWhole, flags),
  }
}

/** The same with the folders that it names packed and sent, each once; relative to the file. */
export async function packed(client: Client, file: string | undefined, body: Body): Promise<Body> {
  checkSize(file ?? 'the description', Buffer.byteLength(JSON.stringify(body)))
  const copy = structuredClone(body)
  await packAll(client, placesOf(copy), file === undefined || file === '-' ? '.' : dirname(file))
  return copy
}

/** As the API takes it, without a folder that is still to be packed. */
export function inputOf(name: string, { schedule, body }: Pick<ScheduleSource, 'schedule' | 'body'>): ScheduleInput {
  const sent = structuredClone(body ?? {})
  for (const place of placesOf(sent)) Reflect.deleteProperty(place, 'workdir')
  return { name, schedule, ...sent } as unknown as ScheduleInput
}

/** Where a folder is named by its path. */
function placesOf({ job, pipeline, sweep }: Body): (Raw & { workdir: string })[] {
  const single = [job, sweep?.job].filter(hasFolder)
  return [...single, ...(pipeline ? workdirsOf(pipeline) : [])]
}

function timingOf({ cron, every, offset, timezone, overlap, catchUp }: TimingFlags): Record<string, string> {
  const named = { cron, every, offset, timezone, overlap, catchUp }
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function checkKeys({ spec, name, locate }: JobFile): void {
  const others = Object.keys(spec).filter((key) => ![...BODY_KINDS, 'schedule'].includes(key))
  if (others.length === 0) return
  const problems = others.map((key) => ({
    path: `${locate(key)} ${key}`,
    message: 'unknown key',
    expected: 'schedule, and one of job, pipeline and sweep',
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
