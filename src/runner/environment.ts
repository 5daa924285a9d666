import { userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Assignment, Device } from '../schema/agent.js'
import { inputEnvironment } from './inputs.js'
import { rankEnvironment } from './rendezvous.js'
import type { Launch, RunFolder } from './run-folder.js'

/** What a process gets from the agent's own environment. The rest stays out, the agent's secrets above all. */
const INHERITED =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|SHELL|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|CUDA_HOME|(\w+_)?proxy)$/i
/** Trainings that come with Anneal; `dist` and `src` lie beside them. */
const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url))
const STALL_PYTHON = fileURLToPath(new URL('./stall-python', import.meta.url))
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The whole environment of the wrapper and its training (design §3): a clean base, the job's own variables, the values
 * of its secrets, and what Anneal decides, which nobody overrides.
 */
export function processEnvironment(options: {
  folder: RunFolder
  assignment: Assignment
  launch: Launch
  devices: Device[]
  secrets: Record<string, string>
  agent: NodeJS.ProcessEnv
}): NodeJS.ProcessEnv {
  const { folder, assignment, launch } = options
  const chosen = {
    ...inheritedFrom(options.agent),
    PYTHONUNBUFFERED: '1',
    ...assignment.env,
    ...options.secrets,
  }
  return {
    ...chosen,
    ...setupEnvironment(launch, chosen.PATH),
    ...stallEnvironment(assignment, chosen),
    ...visibleGpus(assignment.devices, options.devices),
    ...rankEnvironment(assignment),
    ...(launch.resumeFrom === null ? {} : { ANNEAL_RESUME_FROM: launch.resumeFrom }),
    ...inputEnvironment(folder, assignment),
    ANNEAL_JOB_ID: assignment.jobId,
    ANNEAL_JOB_NAME: assignment.jobName,
    ANNEAL_ATTEMPT: String(assignment.attempt),
    ANNEAL_CHECKPOINT_DIR: folder.checkpoints,
    ANNEAL_DEVICES: assignment.devices.join(','),
    ANNEAL_OUTPUT_DIR: folder.file('output'),
    ANNEAL_METRICS_FILE: folder.file('metrics.jsonl'),
    ANNEAL_RECIPES: RECIPES,
  }
}

function inheritedFrom(agent: NodeJS.ProcessEnv): { PATH: string } & Record<string, string | undefined> {
  const { username, homedir, shell } = userInfo()
  const missing = { PATH: DEFAULT_PATH, HOME: homedir, USER: username, SHELL: shell ?? '/bin/sh' }
  const inherited = Object.entries(agent).filter(([name, value]) => INHERITED.test(name) && value !== undefined)
  return { ...missing, ...Object.fromEntries(inherited) }
}

/** Where `pip install` of the setup has put things, so that the training finds them. */
function setupEnvironment(launch: Launch, path: string | undefined): Record<string, string> {
  if (!launch.setup) return {}
  const { env } = launch.setup
  return {
    ANNEAL_SETUP_DIR: env,
    PYTHONUSERBASE: env,
    PATH: [join(env, 'bin'), path ?? DEFAULT_PATH].join(delimiter),
  }
}

/** Where a stall is looked for, a Python process can be asked for its stacks; see stall-python/sitecustomize.py. */
function stallEnvironment({ stallMs }: Assignment, { PYTHONPATH }: NodeJS.ProcessEnv): Record<string, string> {
  return stallMs === null ? {} : { PYTHONPATH: [STALL_PYTHON, PYTHONPATH].filter(Boolean).join(delimiter) }
}

/** By UUID, since CUDA and nvidia-smi number the same devices differently. Not set for CPU slots; empty for a job that holds none. */
function visibleGpus(held: string[], devices: Device[]): Record<string, string> {
  const cpus = devices.filter(({ kind }) => kind === 'cpu').map(({ uuid }) => uuid)
  const gpus = held.filter((uuid) => !cpus.includes(uuid))
  if (held.length === 0) return { CUDA_VISIBLE_DEVICES: '' }
  return gpus.length === 0 ? {} : { CUDA_VISIBLE_DEVICES: gpus.join(',') }
}
