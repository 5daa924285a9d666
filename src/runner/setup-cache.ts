import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readText } from './whole-file.js'

const run = promisify(execFile)

/** Rewrites in the text files under $1 the folder $2, which they were made in, to $3. */
const RELOCATE = `grep -rlIF -- "$2" "$1" | while IFS= read -r file; do sed -i "s|$2|$3|g" "$file"; done`

/** The folder of a finished setup: same command on the same workdir and inputs, same result. wrapper.sh fills it, by rename. */
export function setupFolder(home: string, setup: string, workdir: string | null, inputs: string | null = null): string {
  const key = createHash('sha256')
    .update(JSON.stringify([setup, workdir, ...(inputs === null ? [] : [inputs])]))
    .digest('hex')
  return join(home, 'setups', key)
}

export function isSetupKept(folder: string): boolean {
  return existsSync(join(folder, 'from'))
}

/**
 * Copies the working directory that a finished setup left behind to `run`/work. Scripts in it that name the run folder
 * they were made in (a virtual environment does) name this one afterwards. Rejects when aborted or when the disk is full.
 */
export async function copyKeptWork(kept: string, runFolder: string, signal: AbortSignal): Promise<void> {
  const work = join(runFolder, 'work')
  rmSync(work, { recursive: true, force: true })
  await run('cp', ['-a', '--reflink=auto', join(kept, 'work'), work], { signal })
  await run('sh', ['-c', RELOCATE, 'sh', work, readText(join(kept, 'from')) ?? runFolder, runFolder], { signal })
}
