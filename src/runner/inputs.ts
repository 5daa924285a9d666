import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Assignment } from '../schema/agent.js'
import { type InputFile, type InputPage, pathProblem } from '../schema/artifact.js'
import { SECOND } from '../schema/duration.js'
import { abreast } from './abreast.js'
import { ArtifactCalls, Refused } from './artifact-calls.js'
import { inTurn } from './in-turn.js'
import { InputCache } from './input-cache.js'
import { Refusal } from './refusal.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'

const DISK_FULL = 'ENOSPC'
const TRY_AGAIN = 2 * SECOND

/**
 * Puts every input of an attempt at `input/<key>` in its run folder: a file, or a folder of files. Gives what tells these
 * inputs from others, null without any. Throws a Refusal that names the input, an error with the code ENOSPC, or rejects
 * when aborted; a server that is away is waited for.
 */
export async function fetchInputs(
  site: Site,
  folder: RunFolder,
  assignment: Assignment,
  signal: AbortSignal,
): Promise<string | null> {
  const { inputs = [] } = assignment
  if (inputs.length === 0) return null
  const cache = new InputCache(site)
  const calls = new ArtifactCalls(site)
  const digest = createHash('sha256')
  await rm(folder.file('input'), { recursive: true, force: true })
  await mkdir(folder.file('input'), { recursive: true })
  for (const key of inputs) {
    try {
      for await (const page of pages(site, calls, assignment, key, signal)) {
        for (const { path, sha256 } of page.files) digest.update(`${key}/${path}=${sha256}\n`)
        await putInPlace(cache, folder.file('input', key), page, signal)
      }
    } catch (error) {
      if (signal.aborted || (error as NodeJS.ErrnoException).code === DISK_FULL) throw error
      throw new Refusal(`input ${key} could not be put into place: ${(error as Error).message}`)
    }
  }
  // Nobody waits for it, and what it removes stays with the runs that use it.
  void inTurn(`evict ${site.home}`, () => cache.evict()).catch(() => {})
  return digest.digest('hex')
}

async function* pages(
  site: Site,
  calls: ArtifactCalls,
  { jobId, attempt, fence }: Assignment,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<InputPage> {
  for (let after: string | null = ''; after !== null; ) {
    try {
      const page: InputPage = await calls.inputPage({ jobId, attempt, fence }, key, after, signal)
      after = page.next
      yield page
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status < 500 && error.status !== 401)) throw error
      site.logger.warn({ err: error, key }, 'the files of an input could not be asked for; trying again')
      await delay(TRY_AGAIN, undefined, { signal })
    }
  }
}

async function putInPlace(cache: InputCache, root: string, { isFile, files }: InputPage, signal: AbortSignal) {
  const targets = files.map((file) => ({ file, target: targetOf(root, file, isFile) }))
  for (const parent of new Set(targets.map(({ target }) => dirname(target)))) await mkdir(parent, { recursive: true })
  await abreast(targets, ({ file, target }) => cache.place(file, target, signal))
}

/** The server has checked the paths, too; whatever it says, nothing is written outside. */
function targetOf(root: string, { path }: InputFile, isFile: boolean): string {
  if (isFile && path === '') return root
  const problem = pathProblem(path)
  if (problem === undefined) return join(root, path)
  throw new Refusal(`the path ${JSON.stringify(path)} ${problem}`)
}

/** Where the process finds them. */
export function inputEnvironment(folder: RunFolder, { inputs = [] }: Assignment): Record<string, string> {
  if (inputs.length === 0) return {}
  const each = inputs.map((key) => [`ANNEAL_INPUT_${key.toUpperCase()}`, folder.file('input', key)])
  return { ...Object.fromEntries(each), ANNEAL_INPUT_DIR: folder.file('input') }
}
