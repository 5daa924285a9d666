import {
  type Provider,
  type ProviderTools,
  type Remote,
  RemoteFault,
  type RemoteRequest,
  type RemoteStatus,
} from '../../providers/provider.js'
import { MINUTE, SECOND } from '../../schema/duration.js'
import { createClient, type EasClient, type Entry, type Tags } from './client.js'
import { commandLine } from './command-line.js'
import { EasAccount, EasOptions } from './config-account.js'
import { COMMAND, isFinal, phaseOf, type ReadPiece, readPiece, STOP } from './task.js'
import { SYMBOL_TAG } from './wire.js'

/** Sink entries asked for at once. Ours: a piece may be as large as the service's largest entry, which it does not tell us. */
const PAGE = 64
/** A stop that was told is told again after this long: the worker may have been another by then. Ours. */
const TELL_AGAIN = 10 * SECOND
/** The id of a run that was found on the sink, so that its place on the input is not known. Indexes are above 0 (#17). */
const ON_SINK = 'sink'

/**
 * Alibaba PAI-EAS: a job is a `command` entry on the input queue of a scalable job service; its state and its log are the
 * entries that the service's worker puts on the sink (reference §8).
 *
 * Never twice is best effort: `put` has no key. After an unclear put the task is looked for by its id on both queues; but
 * the documents do not say that a `get` shows an entry that a worker has taken, and a command that has written nothing yet
 * has nothing on the sink. So a run that is not found may still be there, and is not put again.
 */
export const easProvider: Provider<EasOptions, EasAccount> = {
  name: 'eas',
  options: EasOptions,
  account: EasAccount,
  needsCommand: true,
  finetune: 'PAI-EAS hands a command to workers of your own queue; give it a command that trains, or take local',
  pollEvery: 2 * SECOND, // ours: the seed's loop has no pause at all
  requestsPerSecond: 20, // ours: the documents name no limit
  settleWithin: MINUTE, // twice the longest that a put may be under way
  isRepeatable: false,
  connect: (account, tools) => new EasRemote(createClient(account, tools), tools),
}

/** What is known of a task by the sink up to `next`: kept only to save reading it again from the beginning. */
interface Followed {
  next: bigint
  last?: ReadPiece
  toldAt?: number
}

class EasRemote implements Remote {
  readonly #followed = new Map<string, Followed>()

  constructor(
    private readonly client: EasClient,
    private readonly tools: ProviderTools,
  ) {}

  /** The input first: an entry leaves it only when its last piece is on the sink. */
  async find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined> {
    const index = await this.#onInput(request, signal)
    if (index !== undefined) return String(index)
    const [piece] = await this.client.get('sink', { index: 0n, length: 1, tags: tagsOf(request) }, signal)
    return piece ? ON_SINK : undefined
  }

  async create(request: RemoteRequest, signal: AbortSignal): Promise<string> {
    const { priority } = EasOptions.parse(request.spec.providerOptions?.eas ?? {})
    const tags = { ...tagsOf(request), ...(priority ? { _priority_: String(priority) } : {}) }
    return String(await this.client.put(commandLine(request.spec), tags, signal))
  }

  async status(id: string, request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus> {
    const last = await this.#lastPiece(request, signal)
    if (last) return statusOf(last)
    const found = await this.#search(id, request, signal)
    if (found) return found.IsPending ? { phase: 'running', raw: 'IsPending' } : { phase: 'waiting', raw: 'queued' }
    const late = await this.#lastPiece(request, signal) // it may have ended between the two looks
    if (late) return statusOf(late)
    throw new RemoteFault('gone', 'neither of the queues holds the task')
  }

  /** Reads without taking away, so that the same cursor gives the same again; `forget` takes away. */
  async readLogs(_id: string, cursor: unknown, request: RemoteRequest, signal: AbortSignal) {
    const from = BigInt((cursor as { next?: string } | null)?.next ?? 0)
    const entries = await this.client.get('sink', { index: from, length: PAGE, tags: tagsOf(request) }, signal)
    const bytes = Buffer.concat(entries.map((entry) => readPiece(entry.data).bytes))
    return {
      pieces: bytes.length > 0 ? [{ stream: '0', bytes }] : [],
      cursor: { next: String(after(entries, from)) },
      more: entries.length === PAGE,
    }
  }

  /**
   * Search and delete are two calls, between which a worker may take the entry; so a delete is followed by the sign to stop,
   * which a worker that has not got the task remembers (#28).
   */
  async stop(id: string, request: RemoteRequest, signal: AbortSignal): Promise<void> {
    const last = await this.#lastPiece(request, signal)
    if (last && phaseOf(last.state) !== 'running') return
    const followed = this.#of(request)
    const index = id === ON_SINK ? await this.#onInput(request, signal) : BigInt(id)
    const found = index === undefined ? undefined : await this.client.search(index, signal)
    if (!found && !last) return
    const isRecent = followed.toldAt !== undefined && this.tools.now() - followed.toldAt < TELL_AGAIN
    if (found && !found.IsPending) await this.client.delete('input', [index as bigint], signal)
    else if (isRecent) return
    await this.client.put(STOP, { [SYMBOL_TAG]: 'true', taskId: request.key }, signal)
    followed.toldAt = this.tools.now()
  }

  /** Takes the pieces away from the sink, which would be full one day. */
  async forget(_id: string, request: RemoteRequest, signal: AbortSignal): Promise<void> {
    this.#followed.delete(request.key)
    for (let from = 0n; ; ) {
      const entries = await this.client.get('sink', { index: from, length: PAGE, tags: tagsOf(request) }, signal)
      if (entries.length === 0) return
      const indexes = entries.map(({ index }) => index)
      await this.client.delete('sink', indexes, signal)
      from = after(entries, from)
    }
  }

  #of({ key }: RemoteRequest): Followed {
    const followed = this.#followed.get(key) ?? { next: 0n }
    this.#followed.set(key, followed)
    return followed
  }

  /** The newest piece; what was read before is not read again. */
  async #lastPiece(request: RemoteRequest, signal: AbortSignal): Promise<ReadPiece | undefined> {
    const followed = this.#of(request)
    for (;;) {
      if (followed.last && isFinal(followed.last.state)) return followed.last
      const from = { index: followed.next, length: PAGE, tags: tagsOf(request) }
      const entries = await this.client.get('sink', from, signal)
      for (const { data } of entries) {
        const piece = readPiece(data)
        if (piece.state !== '') followed.last = piece
      }
      followed.next = after(entries, followed.next)
      if (entries.length < PAGE) return followed.last
    }
  }

  async #search(id: string, request: RemoteRequest, signal: AbortSignal) {
    const index = id === ON_SINK ? await this.#onInput(request, signal) : BigInt(id)
    return index === undefined ? undefined : this.client.search(index, signal)
  }

  async #onInput(request: RemoteRequest, signal: AbortSignal): Promise<bigint | undefined> {
    const [entry] = await this.client.get('input', { index: 0n, length: 1, tags: tagsOf(request) }, signal)
    return entry?.index
  }
}

function tagsOf({ key }: RemoteRequest): Tags {
  return { taskType: COMMAND, taskId: key }
}

function after(entries: readonly Entry[], otherwise: bigint): bigint {
  const last = entries.at(-1)
  return last ? last.index + 1n : otherwise
}

function statusOf({ state, exitCode }: ReadPiece): RemoteStatus {
  return { phase: phaseOf(state), raw: state, ...(exitCode === undefined ? {} : { exitCode }) }
}
