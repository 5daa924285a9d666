import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const REQUIREMENTS = join(ROOT, 'recipes/finetune/requirements.txt')
const CACHE = process.env.ANNEAL_CACHE ?? join(homedir(), '.cache', 'anneal')

/**
 * The path of a python that has what the recipe requires: made once for each list of requirements, beside its place and
 * renamed, so that what is found there is whole.
 */
export async function pythonWithTorch(): Promise<string> {
  const key = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12)
  const place = join(CACHE, `torch-${key}`)
  if (!existsSync(place)) await install(place)
  return join(place, 'bin/python3')
}

async function install(place: string): Promise<void> {
  const target = `${place}.building-${process.pid}`
  mkdirSync(dirname(place), { recursive: true })
  try {
    await run('python3', ['-m', 'venv', target])
    await run(join(target, 'bin/python3'), ['-m', 'pip', 'install', '--quiet', '-r', REQUIREMENTS], { maxBuffer: 1e8 })
    renameSync(target, place)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

/** One thread: several processes on few cores lose most of their time waiting for each other's threads. */
export const QUIET = { OMP_NUM_THREADS: '1', HF_HUB_OFFLINE: '1' }

/** Makes the model and the data of `examples/finetune` in a folder. */
export async function prepare(python: string, folder: string): Promise<void> {
  await run(python, [join(ROOT, 'examples/finetune/prepare.py'), folder], { env: { ...process.env, ...QUIET } })
}

/** What lines of Python print. */
export async function runPython(python: string, lines: string): Promise<string> {
  const { stdout } = await run(python, ['-c', lines], { env: { ...process.env, ...QUIET }, maxBuffer: 1e8 })
  return stdout
}
