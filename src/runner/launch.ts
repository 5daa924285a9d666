import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { crashPoint } from '../crash-point.js'
import type { Assignment } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { prepareCheckpoints } from './checkpoint-place.js'
import { type Limits, makeGroups } from './containment/limits.js'
import type { Tree } from './containment/tree.js'
import { DEFAULT_PATH, processEnvironment } from './environment.js'
import { freeBytes } from './exit-hints.js'
import { fetchInputs } from './inputs.js'
import type { Launch, RunFolder } from './run-folder.js'
import { readSecrets } from './secrets.js'
import { copyKeptWork, isSetupKept, setupFolder } from './setup-cache.js'
import type { Site } from './site.js'
import type { End } from './spawner.js'
import { writeWhole } from './whole-file.js'
import { fetchWorkdir } from './workdir.js'

const WRAPPER = fileURLToPath(new URL('./wrapper.sh', import.meta.url))
/** Absolute, since the PATH is the job's. */
const SHELL = '/bin/sh'
/** No start with less free disk than this: logs and checkpoints would be torn. */
const FLOOR_BYTES = 64 * 1024 * 1024

/** The one error code that says that a disk is full. */
export const DISK_FULL = 'ENOSPC'

interface Subject {
  site: Site
  folder: RunFolder
  assignment: Assignment
  tree: Tree
}

/**
 * Makes the run folder ready: inputs, working directory, setup from the cache, checkpoint to resume from. What it settled stays
 * in `launch.json`; found there, it is used as it is, since a wrapper may have been spawned with it. Throws a Refusal,
 * an error with the code ENOSPC, or rejects when aborted.
 */
export async function prepare({ site, folder, assignment, tree }: Subject, signal: AbortSignal): Promise<Launch> {
  readSecrets(assignment.secrets, site.home, site.env)
  if (folder.launch) return folder.launch
  if (freeBytes(folder.path) < FLOOR_BYTES) {
    throw Object.assign(new Error(`less than ${FLOOR_BYTES} bytes are free below ${site.home}`), { code: DISK_FULL })
  }
  const resumed = await prepareCheckpoints(site, folder, assignment, signal)
  for (const name of ['work', 'env']) rmSync(folder.file(name), { recursive: true, force: true })
  for (const name of ['work', 'env', 'logs', 'output']) mkdirSync(folder.file(name), { recursive: true })
  const inputs = await fetchInputs(site, folder, assignment, signal)
  CRASH: crashPoint('artifact.fetched')
  const setup = setupOf(site, folder, assignment, inputs)
  if (setup?.cached) await copyKeptWork(setup.cache, folder.path, signal)
  else if (assignment.workdir) await unpackWorkdir(site, folder, assignment.workdir, signal)
  for (const stream of setup && !setup.cached ? ['setup', '0'] : ['0'])
    closeSync(openSync(folder.file('logs', stream), 'a'))
  const limits = site.containment.limitGroups(folder, limitsOf(assignment))
  const joined = limits.filter((group) => group.joined).map(({ path }) => `${path}\n`)
  if (joined.length > 0) writeWhole(folder.file('limits'), joined.join(''))
  const launch = { level: tree.level, group: tree.group, limits, ...resumed, setup }
  folder.launch = launch
  return launch
}

/**
 * Spawns the wrapper; neither it nor this process needs the other from here on. Spawning it twice is harmless, it starts
 * the training only when it can take `started`.
 */
export function spawnWrapper(
  { site, folder, assignment, tree }: Subject,
  launch: Launch,
  ended: (end: End) => void,
): void {
  tree.prepare()
  makeGroups(launch.limits)
  const secrets = readSecrets(assignment.secrets, site.home, site.env)
  const env = processEnvironment({ folder, assignment, launch, devices: site.devices, secrets, agent: site.env })
  const setup = launch.setup && !launch.setup.cached ? (assignment.setup ?? '') : ''
  const grace = String(Math.ceil(assignment.graceMs / SECOND))
  const cache = launch.setup?.cache ?? ''
  const tools = site.env.PATH ?? DEFAULT_PATH
  const settled = [folder.path, launch.level, launch.group, site.bootId, tools, grace, cache, setup]
  site.spawner.spawn(
    {
      file: SHELL,
      args: [WRAPPER, ...settled, ...commandOf(assignment)],
      cwd: folder.path,
      env,
      log: folder.file('wrapper.log'),
    },
    ended,
  )
}

function limitsOf({ cpus, memoryBytes }: Assignment): Limits {
  return { cpus: cpus ?? null, memoryBytes: memoryBytes ?? null }
}

function setupOf(site: Site, folder: RunFolder, assignment: Assignment, inputs: string | null): Launch['setup'] {
  if (assignment.setup === null) return null
  const cache = setupFolder(site.home, assignment.setup, assignment.workdir, inputs)
  const cached = isSetupKept(cache)
  return { cached, cache, env: cached ? `${cache}/env` : folder.file('env') }
}

async function unpackWorkdir(site: Site, folder: RunFolder, sha256: string, signal: AbortSignal): Promise<void> {
  await fetchWorkdir({
    url: () => `${site.servers.current}/api/v1/host/blobs/${sha256}`,
    token: site.token,
    sha256,
    archive: folder.file('workdir.tar'),
    target: folder.file('work'),
    signal,
    logger: site.logger,
  })
}

/** The arguments exactly, or a shell line; with a terminal, `script` makes one and passes the exit code on. */
function commandOf({ command, tty }: Assignment): string[] {
  if (tty) return ['script', '-qefc', typeof command === 'string' ? command : command.map(quote).join(' '), '/dev/null']
  return typeof command === 'string' ? [SHELL, '-c', command] : command
}

function quote(argument: string): string {
  return `'${argument.replaceAll("'", "'\\''")}'`
}
