import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TOOLING = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts', 'bin', 'src/temporal/binary.js']

/** A small project with our tooling and sources of its own, to build and to run. */
export interface Clone {
  folder: string
  write(path: string, text: string, mode?: number): Promise<void>
  /** Runs a command there to its end. */
  run(
    command: string,
    args: string[],
    env?: NodeJS.ProcessEnv,
  ): { status: number | null; stdout: string; stderr: string }
  remove(): Promise<void>
}

/** Makes one in a temporary folder; `bare` is without dependencies. */
export async function makeClone({ bare = false } = {}): Promise<Clone> {
  const folder = await mkdtemp(join(tmpdir(), 'anneal-clone-'))
  for (const path of TOOLING) await cp(join(root, path), join(folder, path), { recursive: true })
  if (!bare) await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    write: async (path, text, mode) => {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text, { mode })
    },
    run: (command, args, env = {}) =>
      spawnSync(command, args, { cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
