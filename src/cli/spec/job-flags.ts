import type { Command } from 'commander'
import { pair, several, wholeNumber } from '../options.js'
import type { Input } from './inputs.js'

/** The flags that describe a job; each overrules the file. */
export interface JobFlags {
  name?: string
  gpus?: number
  gpuType?: string
  nodes?: number
  pool?: string
  priority?: number
  env?: Record<string, string>
  secret?: string[]
  timeout?: Record<string, string>
  retries?: number
  /** `true` where neither `--workdir` nor `--no-workdir` is given. */
  workdir: string | boolean
  setup?: string
  input?: Record<string, string>
  tag?: Record<string, string>
  tty?: boolean
  notify?: string[]
  after?: string[]
  /** False where the data of a fine-tune are not to be looked at. */
  check?: boolean
  idempotencyKey?: string
}

/** Adds them to `submit` and `run`. */
export function withJobFlags(command: Command): Command {
  return command
    .option('--name <name>', 'default: from the file, or from the program')
    .option('--gpus <count>', 'devices that the job holds; a host without GPUs gives CPU slots', wholeNumber)
    .option('--gpu-type <type>', 'such as H200: a part of the name that the device has')
    .option('--nodes <count>', 'hosts that run it side by side, each with so many devices; default 1', wholeNumber)
    .option('--pool <pool>', 'hosts that share a queue')
    .option('--priority <priority>', '0 to 100, higher first; default 50', wholeNumber)
    .option('--env <name=value>', 'for the process; repeatable', pair)
    .option('--secret <name>', 'whose value the host knows; repeatable', several)
    .option(
      '--timeout <limit=duration>',
      'queue, setup, start, run, total, grace or stall, such as run=2h; repeatable',
      pair,
    )
    .option('--retries <count>', 'further attempts after one that failed', wholeNumber)
    .option(
      '--workdir <folder>',
      'packed and unpacked for each attempt, without what .gitignore and .annealignore name',
    )
    .option('--no-workdir', 'the job gets an empty folder')
    .option('--setup <command>', 'runs before the job; its result is kept and used again')
    .option('--input <key=source>', 'JOB, JOB:path or name:tag, put at $ANNEAL_INPUT_DIR/key; repeatable', pair)
    .option('--tag <name=value>', 'repeatable', pair)
    .option('--tty', 'give the process a terminal')
    .option(
      '--notify <webhook>',
      'a webhook to tell of it; WEBHOOK:failed,limit_warning says of what; repeatable',
      several,
    )
    .option('--after <job>', 'run when that job has ended, of JOB:completed when it has completed; repeatable', several)
    .option('--no-check', 'submit a fine-tune without a look at its data')
    .option('--idempotency-key <key>', 'the same key and description give the same job, however often it is sent')
}

type Spec = Record<string, unknown>

/** A description with the flags in it, and which flag each part came from. */
export interface FlaggedSpec {
  spec: Spec
  /** Path in the description to flag: `resources.gpus` to `--gpus`. */
  origins: Map<string, string>
}

/** Lets the flags overrule what the file says. The workdir is no matter of the description yet; `inputs`: what `--input` means. */
export function applyFlags(file: Spec, flags: JobFlags, inputs?: Record<string, Input>): FlaggedSpec {
  const origins = new Map<string, string>()
  const spec: Spec = { ...file }
  const set = (flag: string, key: string, value: unknown) => {
    if (value === undefined) return
    spec[key] = value
    origins.set(key, flag)
  }
  const merge = (flag: string, key: string, more: Spec | undefined) => {
    const given = Object.entries(more ?? {}).filter(([, value]) => value !== undefined)
    if (given.length === 0) return
    spec[key] = { ...(isObject(spec[key]) ? spec[key] : {}), ...Object.fromEntries(given) }
    for (const [name] of given) origins.set(`${key}.${name}`, flag)
  }
  set('--name', 'name', flags.name)
  set('--pool', 'pool', flags.pool)
  set('--priority', 'priority', flags.priority)
  set('--setup', 'setup', flags.setup)
  set('--tty', 'tty', flags.tty)
  merge('--gpus', 'resources', { gpus: flags.gpus })
  merge('--gpu-type', 'resources', { gpuType: flags.gpuType })
  merge('--nodes', 'resources', { nodes: flags.nodes })
  merge('--env', 'env', flags.env)
  merge('--timeout', 'timeouts', flags.timeout)
  merge('--input', 'inputs', inputs)
  merge('--tag', 'tags', flags.tag)
  set('--secret', 'secrets', withSecrets(spec.secrets, flags.secret))
  set('--after', 'after', withAfter(spec.after, flags.after))
  set('--notify', 'notify', withNotify(spec.notify, flags.notify))
  set('--retries', 'retry', withRetries(spec.retry, flags.retries))
  return { spec, origins }
}

function withSecrets(inFile: unknown, more: string[] | undefined): unknown {
  return more && [...new Set([...(Array.isArray(inFile) ? inFile : []), ...more])]
}

function withAfter(inFile: unknown, more: string[] | undefined): unknown {
  return more && [...(Array.isArray(inFile) ? inFile : []), ...more.map(afterOf)]
}

/** `01k…` or `prepare:completed`; names have no colon. */
function afterOf(text: string): { job: string; outcome?: string } {
  const at = text.lastIndexOf(':')
  return at < 0 ? { job: text } : { job: text.slice(0, at), outcome: text.slice(at + 1) }
}

function withNotify(inFile: unknown, more: string[] | undefined): unknown {
  return more && [...(Array.isArray(inFile) ? inFile : []), ...more.map(notifyOf)]
}

/** `oncall`, or `oncall:failed,limit_warning`. */
function notifyOf(text: string): string | { webhook: string; on: string[] } {
  const at = text.indexOf(':')
  return at < 0 ? text : { webhook: text.slice(0, at), on: text.slice(at + 1).split(',') }
}

/** So many further attempts whatever the reason: what the file allows per reason would narrow that. */
function withRetries(inFile: unknown, retries: number | undefined): unknown {
  if (retries === undefined) return undefined
  const { on: _on, ...kept } = isObject(inFile) ? inFile : ({} as Spec)
  return { ...kept, maxAttempts: retries + 1 }
}

function isObject(value: unknown): value is Spec {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The flag that gave what stands at a path, if one did. */
export function originOf(origins: Map<string, string>, path: string): string | undefined {
  for (const [key, flag] of origins) {
    if (path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`)) return flag
  }
  return undefined
}
