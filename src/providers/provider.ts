import { z } from 'zod'
import { parseDuration } from '../schema/duration.js'
import type { Finetune } from '../schema/finetune.js'
import type { Fields, Translation } from '../schema/finetune-words.js'
import type { JobSpec } from '../schema/job.js'
import type { RemotePoint } from '../schema/remote-points.js'
import type { Vendor } from '../schema/vendors.js'

/** One attempt, as a service is asked to run it. */
export interface RemoteRequest {
  /** Ours and unique for the attempt: 26 characters of the job's id, a dash, the attempt. What the service knows it by is made of it. */
  key: string
  jobId: string
  attempt: number
  spec: JobSpec
  /** When the service took it, and when it was first seen running, by our clock; for services that do not say themselves. Epoch milliseconds. */
  acceptedAt?: number | null | undefined
  startedAt?: number | null | undefined
}

/** What a service says about a run, in our words; `raw` in its own. */
export interface RemoteStatus {
  phase: 'waiting' | 'running' | 'stopping' | 'completed' | 'failed' | 'stopped' | 'unknown'
  raw: string
  /** Why it failed, where the service says so. */
  message?: string | undefined
  /** 0 to 1. */
  progress?: number | undefined
  exitCode?: number | undefined
  /** Pages and results to look at. */
  links?: Record<string, string> | undefined
  metrics?: Record<string, unknown> | undefined
  /** Of these the numbers, for the metrics of the attempt; they count with the end. */
  points?: readonly RemotePoint[] | undefined
}

/** New log bytes, each piece the continuation of its stream, and where to go on. */
export interface RemoteLogs {
  pieces: { stream: string; bytes: Uint8Array }[]
  /** JSON. Reading again from an older cursor gives the same bytes again, and perhaps more. */
  cursor: unknown
  /** Another read would give more at once. */
  more: boolean
}

/**
 * One account of one service. Every call makes the requests it needs and no retry of its own (but one, after it has renewed a
 * token that had expired); what goes wrong is thrown as a RemoteFault. Calls end when `signal` is aborted.
 */
export interface Remote {
  /** The run that was made with this key, if there is one. Undefined only when the service has answered that there is none. */
  find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined>
  /** Asks for the run and gives the service's id of it. Called once per key, unless `isRepeatable`. */
  create(request: RemoteRequest, signal: AbortSignal): Promise<string>
  /** Fails with `gone` when the service no longer knows the run. */
  status(id: string, request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus>
  /** What the log has beyond `cursor` (null: from the beginning). Absent where the service has no logs. */
  readLogs?(id: string, cursor: unknown, request: RemoteRequest, signal: AbortSignal): Promise<RemoteLogs>
  /** Asks for the stop, and may be asked again; silent when the run has ended or is gone. The status tells when it has stopped. */
  stop(id: string, request: RemoteRequest, signal: AbortSignal): Promise<void>
  /**
   * The end is stored, with all of the log: what the service keeps for nobody but us may go. Called at most once, after
   * everything else, and not at all when the watch dies at that moment; a failure is only noted.
   */
  forget?(id: string, request: RemoteRequest, signal: AbortSignal): Promise<void>
}

/** Keys that every account may have. */
export const AccountBase = {
  pollEvery: z
    .string()
    .refine((text) => (parseDuration(text) ?? 0) > 0, 'expected a duration such as 30s')
    .optional()
    .describe('between two looks at one run; default as the service asks for'),
}
/** Keys that every `providerOptions.<name>` may have. */
export const OptionsBase = {
  account: z.string().min(1).default('default').describe('which of the accounts in vendors/<name>.yaml'),
}

/** A service that runs attempts: what a job may tell it, how its accounts are described, how it may be spoken to. */
export interface Provider<Options = never, Account = never> {
  name: Vendor
  /** `providerOptions.<name>` of a job; checked at submit. */
  options: z.ZodType<Options>
  /** One of `accounts` in `vendors/<name>.yaml`. Credentials are names of secrets. */
  account: z.ZodType<Account>
  /** Whether a job for it must have a `command`; a fine-tune service has its own. */
  needsCommand: boolean
  /**
   * `providerOptions.<name>` that a job's `finetune` becomes, together with what the job says there itself; pure. Where the
   * service runs what the user brings: why it cannot be given one, and what to do instead.
   */
  finetune: ((asked: Finetune, own: Fields) => Translation) | string
  /** Pause between two looks at one run, in milliseconds; with the source of the number. */
  pollEvery: number
  /** Requests that one account may make in a second. */
  requestsPerSecond: number
  /** How long after an unclear create the look-ups go on before it counts as not made, in milliseconds. */
  settleWithin: number
  /**
   * A second create with the same key cannot make a second run (the service refuses it, or gives the first): "never twice" is
   * exact, and a create that did not arrive is sent again. Otherwise it is best effort, and such an attempt ends as
   * `provider_unknown`.
   */
  isRepeatable: boolean
  connect(account: Account, tools: ProviderTools): Remote
}

/** What a job tells a service: `providerOptions.<name>`, and what its fine-tune is there. Checked at submit. */
export function toldOptions(spec: JobSpec, { name, finetune }: Pick<Provider, 'name' | 'finetune'>): Translation {
  const own = spec.providerOptions?.[name] ?? {}
  if (spec.finetune === undefined) return { options: own, problems: [] }
  if (typeof finetune === 'function') return finetune(spec.finetune, own)
  return { options: own, problems: [{ path: 'finetune', message: finetune }] }
}

export interface ProviderTools {
  /** The value of a secret; throws a RemoteFault `rejected` that names it where it is missing. */
  secret(name: string): string
  fetch: typeof fetch
  /** Epoch milliseconds of our clock. */
  now(): number
}

export const FAULTS = ['rejected', 'throttled', 'unavailable', 'unclear', 'gone'] as const
/**
 * `rejected`: refused for good, and nothing was made; asking the same again is useless. `throttled`: refused for now, and
 * nothing was made. `unavailable`: it did not answer, or failed; on a create this may also mean that it was made, so a create
 * throws it only where the request surely did not arrive. `unclear`: the request may have been carried out. `gone`: no such run.
 */
export type FaultKind = (typeof FAULTS)[number]

/** A call to a service that did not succeed. Known by `kind`. */
export class RemoteFault extends Error {
  readonly kind: FaultKind
  /** The earliest time to ask again, in milliseconds from now, where the service said so. */
  readonly retryAfter: number | undefined
  /** The service's own code, for people. */
  readonly code: string | undefined

  constructor(
    kind: FaultKind,
    message: string,
    more: { retryAfter?: number | undefined; code?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause })
    this.name = 'RemoteFault'
    this.kind = kind
    this.retryAfter = more.retryAfter
    this.code = more.code
  }
}

/** The fault that an error is; undefined for one that we did not expect. */
export function faultOf(error: unknown): RemoteFault | undefined {
  const kind = (error as { kind?: unknown } | undefined)?.kind
  return error instanceof Error && FAULTS.includes(kind as FaultKind) ? (error as RemoteFault) : undefined
}
