import { execFile } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SECOND } from '../schema/duration.js'
import type { Tree } from './containment/tree.js'
import { catches, describeProcess, isPython } from './process-state.js'
import { readProcess } from './process-table.js'
import type { RunFolder } from './run-folder.js'
import { writeWhole } from './whole-file.js'

/** The stream in which what was captured is shown. */
export const STACKS = 'stacks'
/** Bounds of one capture: time in ms, bytes, processes. */
const WITHIN = 10 * SECOND
const MOST_BYTES = 1024 * 1024
const MOST_PROCESSES = 32
/** For one process, in ms. py-spy needs a second for a large program on a busy machine. */
const ONE_WITHIN = 4 * SECOND
/** A process that was asked has said all when its log has not grown for this long. Milliseconds. */
const QUIET = 200
const LOOK_EVERY = 20
/**
 * The signal that stall-python/sitecustomize.py listens to: a real-time one, which neither a C library nor a training
 * framework uses. Its default action ends a process, so it goes only to those that catch it.
 */
export const STACKS_SIGNAL = 57

/**
 * Writes what the processes of a tree are at to the log stream `stacks`: their state by the kernel, and of Python processes
 * the stacks of all threads, by py-spy where there is one, else by their own faulthandler, which writes to their stderr;
 * what came into the log by that is repeated here. False when nothing could be written. Never rejects, and ends in time.
 */
export async function captureStacks(about: { folder: RunFolder; tree: Tree; path: string }): Promise<boolean> {
  try {
    const { folder } = about
    const deadline = performance.now() + WITHIN
    const pids = workersOf(about)
    const pySpy = findPySpy(folder, about.path)
    let text = pids.length === 0 ? 'No process of it could be seen.\n' : ''
    for (const pid of pids.slice(0, MOST_PROCESSES)) {
      if (performance.now() >= deadline || text.length >= MOST_BYTES) break
      const within = Math.min(ONE_WITHIN, deadline - performance.now())
      text += `${describeProcess(pid)}\n${await pythonStacks(pid, { folder, pySpy, within })}\n`
    }
    if (pids.length > MOST_PROCESSES) text += `${pids.length - MOST_PROCESSES} further processes were left out.\n`
    writeWhole(folder.file('logs', STACKS), cut(text))
    return true
  } catch {
    return false
  }
}

/** The training, without the wrapper and what the wrapper runs for itself. */
function workersOf({ folder, tree }: { folder: RunFolder; tree: Tree }): number[] {
  const wrappers = tree.wrapperPids()
  const session = folder.wrapper?.pid
  const isWorker = (pid: number) => !wrappers.includes(pid) && readProcess(pid)?.session !== session
  return tree.pids().filter(isWorker)
}

/** On the agent's PATH, or where the setup of the job has put it. */
function findPySpy(folder: RunFolder, path: string): string | undefined {
  const env = folder.launch?.setup?.env
  const places = [...(env ? [join(env, 'bin')] : []), ...path.split(delimiter).filter(Boolean)]
  return places.map((place) => join(place, 'py-spy')).find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

interface Means {
  folder: RunFolder
  pySpy: string | undefined
  within: number
}

async function pythonStacks(pid: number, { folder, pySpy, within }: Means): Promise<string> {
  if (!isPython(pid)) return ''
  const dumped = pySpy === undefined ? undefined : await run(pySpy, ['dump', '--pid', String(pid)], within)
  if (dumped?.ok) return dumped.text
  const trouble = dumped ? `py-spy failed: ${dumped.text.trim()}\n` : ''
  if (!catches(pid, STACKS_SIGNAL))
    return `${trouble}No Python stacks: no py-spy, and its faulthandler is not listening.\n`
  return trouble + (await askForStacks(pid, folder.file('logs', '0'), within))
}

/** What the log has more once the process has said its stacks; nothing when its stderr goes elsewhere. */
async function askForStacks(pid: number, log: string, within: number): Promise<string> {
  const before = sizeOf(log)
  process.kill(pid, STACKS_SIGNAL)
  let quietSince = performance.now()
  const until = quietSince + within
  for (let size = before; performance.now() < until; await delay(LOOK_EVERY)) {
    const now = sizeOf(log)
    if (now !== size) quietSince = performance.now()
    size = now
    if (size > before && performance.now() - quietSince >= QUIET) break
  }
  return (
    readFrom(log, before) || 'It was asked for its stacks; nothing came into its log, so its stderr goes elsewhere.\n'
  )
}

function run(command: string, args: string[], timeout: number): Promise<{ ok: boolean; text: string }> {
  return new Promise((resolve) => {
    const options = { timeout, killSignal: 'SIGKILL', maxBuffer: MOST_BYTES, encoding: 'utf8' } as const
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve(error ? { ok: false, text: stderr || error.message } : { ok: true, text: stdout })
    })
  })
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function readFrom(file: string, offset: number): string {
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(Math.min(MOST_BYTES, Math.max(0, sizeOf(file) - offset)))
    return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, offset))
  } finally {
    closeSync(descriptor)
  }
}

function cut(text: string): string {
  const bytes = Buffer.from(text)
  return bytes.length <= MOST_BYTES
    ? text
    : `${bytes.toString('utf8', 0, MOST_BYTES - 100)}\n[cut at ${MOST_BYTES} bytes]\n`
}
