import { dirname, resolve } from 'node:path'
import type { Client, PipelineSpec } from '../../client/index.js'
import { Failure, failureCode } from '../../schema/failure.js'
import { MAX_PIPELINE_BYTES } from '../../schema/pipeline-limits.js'
import { type JobFile, readJobFile } from '../spec/job-file.js'
import { checkSize } from '../spec/size.js'

type Raw = Record<string, unknown>

/** A pipeline file that is about to be sent. */
export interface PipelineFile {
  spec: PipelineSpec
  /** Runs a call that sends it; a problem that the server names is found again in the file. */
  locating<T>(call: () => Promise<T>): Promise<T>
}

/**
 * Reads a file with `pipeline:` in it, checks it, and packs and uploads each folder that a step names, once. Fails with `invalid_spec`,
 * each problem with its line and column.
 */
export async function readPipelineFile(
  client: Client,
  path: string,
  { cache }: { cache: boolean },
): Promise<PipelineFile> {
  const file = await readJobFile(path, MAX_PIPELINE_BYTES)
  const spec = pipelineIn(file)
  if (!cache) spec.cache = false
  const locating = <T>(call: () => Promise<T>) => located(file, call)
  const folders = workdirsOf(spec)
  if (folders.length > 0) await locating(() => checkBeforePacking(spec))
  await packAll(client, folders, path === '-' ? '.' : dirname(path))
  checkSize(file.name, Buffer.byteLength(JSON.stringify(spec)), MAX_PIPELINE_BYTES)
  return { spec: spec as PipelineSpec, locating }
}

/** Reads a file for a look at what it would run: no folder is packed. */
export async function readPipelineToPlan(path: string): Promise<PipelineFile> {
  const file = await readJobFile(path, MAX_PIPELINE_BYTES)
  const spec = pipelineIn(file)
  for (const one of workdirsOf(spec) as Raw[]) delete one.workdir
  return { spec: spec as PipelineSpec, locating: (call) => located(file, call) }
}

function pipelineIn({ spec, name, locate }: JobFile): Raw {
  const others = Object.keys(spec).filter((key) => key !== 'pipeline')
  const next = 'begin with the lines `pipeline:`, `  name: my-pipeline` and `  steps:`'
  if (!isMap(spec.pipeline)) throw new Failure('invalid_spec', `${name} describes no pipeline`, { next })
  if (others.length === 0) return spec.pipeline
  const problems = others.map((key) => ({
    path: `${locate(key)} ${key}`,
    message: 'stands beside pipeline; expected nothing there',
  }))
  throw new Failure('invalid_spec', `${name} has ${others.length === 1 ? 'an error' : `${others.length} errors`}`, {
    problems,
    next,
  })
}

/** Where a folder is named by its path: in a step or for all of them. */
export function workdirsOf({ defaults, steps }: Raw): (Raw & { workdir: string })[] {
  const all = [defaults, ...(isMap(steps) ? Object.values(steps) : [])]
  return all.filter(hasFolder)
}

export function hasFolder(one: unknown): one is Raw & { workdir: string } {
  return isMap(one) && typeof one.workdir === 'string'
}

const SOME_BLOB = { blob: '0'.repeat(64) }

/** A large folder is not packed and sent for a file that would be refused. */
async function checkBeforePacking(spec: Raw): Promise<void> {
  const { parsePipeline } = await import('../../schema/parse-pipeline.js')
  const copy = structuredClone(spec)
  for (const one of workdirsOf(copy)) Object.assign(one, { workdir: SOME_BLOB })
  parsePipeline(copy)
}

/** Packs and sends each folder once, and puts what it has become in its place. */
export async function packAll(client: Client, places: (Raw & { workdir: string })[], base: string): Promise<void> {
  if (places.length === 0) return
  const { prepareWorkdir } = await import('../workdir/prepare.js')
  const packed = new Map<string, { blob: string }>()
  for (const place of places) {
    const folder = resolve(base, place.workdir)
    const blob = packed.get(folder) ?? (await prepareWorkdir(client, folder))
    packed.set(folder, blob)
    Object.assign(place, { workdir: blob })
  }
}

async function located<T>(file: JobFile, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (failureCode(error) !== 'invalid_spec') throw error
    const { problems = [] } = error as Failure
    if (problems.length === 0) throw error
    const placed = problems.map((problem) => ({
      ...problem,
      path: `${file.locate(`pipeline.${problem.path}`)} ${problem.path}`,
    }))
    const count = problems.length === 1 ? 'an error' : `${problems.length} errors`
    throw new Failure('invalid_spec', `${file.name} has ${count}`, {
      problems: placed,
      next: 'mend what is named, then try again',
      cause: error,
    })
  }
}

function isMap(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
