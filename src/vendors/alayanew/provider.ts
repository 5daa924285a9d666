import { z } from 'zod'
import {
  faultOf,
  type Provider,
  type ProviderTools,
  type Remote,
  RemoteFault,
  type RemoteLogs,
  type RemoteRequest,
  type RemoteStatus,
} from '../../providers/provider.js'
import { MINUTE, SECOND } from '../../schema/duration.js'
import { Account } from './config.js'
import { Exchange, type Request, WEB_PAGE } from './exchange.js'
import { createBody, Options, optionsOf, remoteName } from './options.js'
import { Created, List, Log, Pods, type Product, Products, type Row } from './replies.js'

/** What is asked once per data centre is believed so long (reference §11.1). */
const BELIEVED_FOR = 10 * MINUTE
/** The service accepts so many rows on a page (§1). */
const PAGE = 100
/** A list longer than this is not the answer to a name. */
const PAGES = 200
const LINES = 1000
/** A read of this many lines may have been cut by the service, whose default it is (§10). */
const MAYBE_CUT = 100

/** Jobs of ours on Alaya NeW's distributed training (reference §11). */
export const alayanewProvider: Provider<Options, Account> = {
  name: 'alayanew',
  options: Options,
  account: Account,
  needsCommand: true,
  finetune: 'Alaya NeW runs a command in an image of your own; give it both, or take local',
  pollEvery: 20 * SECOND, // §11.4: 15 to 30 s
  requestsPerSecond: 5, // no limit is published; our decision
  settleWithin: 2 * MINUTE,
  isRepeatable: false, // no idempotency key, and names need not be unique (§5)
  connect: (account, tools) => new AlayaNew(account, tools),
}

class AlayaNew implements Remote {
  readonly #exchange: Exchange
  readonly #believed = new Map<string, { until: number; value: unknown }>()
  /** Runs that we want stopped. A watch says so again before every look, so losing it harms nothing. */
  readonly #stopped = new Set<string>()

  constructor(
    private readonly account: Account,
    private readonly tools: ProviderTools,
  ) {
    this.#exchange = new Exchange(account, tools)
  }

  async find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#row(request, signal, ({ name }) => name === remoteName(request)))?.id
  }

  async create(request: RemoteRequest, signal: AbortSignal): Promise<string> {
    const { aidcId = this.account.aidcId, productCode, resource } = optionsOf(request)
    await this.#checkIsEnabled(aidcId, signal)
    const product = await this.#product(productCode ?? resource?.productCode, aidcId, signal)
    const body = createBody(request, aidcId, product)
    const made = await this.#exchange.ask(
      { method: 'POST', path: '/v1/training/instance/create', body, isCreate: true },
      z.unknown(),
      signal,
    )
    const id = Created.safeParse(made)
    if (id.success) return id.data
    const found = await this.find(request, signal).catch(() => undefined)
    if (found === undefined) throw new RemoteFault('unclear', 'The create was answered without an id')
    return found
  }

  async status(id: string, request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus> {
    const row = await this.#row(request, signal, (row) => row.id === id)
    if (!row) throw new RemoteFault('gone', `There is no job ${id} in the list`)
    return statusOf(row, this.#stopped.has(id))
  }

  /** A pause is the only stop there is. One that never ran, and cannot be paused, is deleted. */
  async stop(id: string, request: RemoteRequest, signal: AbortSignal): Promise<void> {
    this.#stopped.add(id)
    const path = `/v1/training/instance/${encodeURIComponent(id)}`
    const row = await this.#row(request, signal, (row) => row.id === id)
    const phase = row && statusOf(row, true).phase
    if (!phase || phase === 'stopping' || isEnd(phase)) return
    try {
      await this.#exchange.ask({ method: 'POST', path: `${path}/pause`, isOfRun: true }, z.unknown(), signal)
    } catch (error) {
      const fault = faultOf(error)
      if (fault?.kind === 'gone') return
      if (fault?.kind !== 'rejected' || phase !== 'waiting') throw error
      await this.#exchange.ask({ method: 'DELETE', path: `${path}/delete`, isOfRun: true }, z.unknown(), signal)
    }
  }

  /** Log by pod; a stream per pod, numbered as they were first seen. A service without logs never fails a job (§11.5). */
  async readLogs(id: string, cursor: unknown, _request: RemoteRequest, signal: AbortSignal): Promise<RemoteLogs> {
    const before = Cursor.parse(cursor ?? { pods: [] })
    const path = `/v1/training/instance/${encodeURIComponent(id)}`
    const listed =
      (await this.#ifServed({ method: 'GET', path: `${path}/pod/list`, isOfRun: true }, Pods, signal)) ?? []
    const fresh = listed.filter((name) => !before.pods.some((pod) => pod.name === name)).sort()
    const pods = [...before.pods, ...fresh.map((name) => ({ name, from: 1 }))]
    const read: RemoteLogs = { pieces: [], cursor: { pods }, more: false }
    for (const [i, pod] of pods.entries()) {
      const query = { from: pod.from, size: LINES }
      const at: Request = { method: 'GET', path: `${path}/${encodeURIComponent(pod.name)}/logs`, query, isOfRun: true }
      const lines = (await this.#ifServed(at, Log, signal))?.lines ?? []
      if (lines.length === 0) continue
      read.pieces.push({ stream: String(i), bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')) })
      pods[i] = { ...pod, from: pod.from + lines.length }
      read.more ||= lines.length >= MAYBE_CUT
    }
    return read
  }

  /** Undefined where the service says that there is no such thing, or has no such path. */
  async #ifServed<T>(request: Request, schema: z.ZodType<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await this.#exchange.ask(request, schema, signal)
    } catch (error) {
      const fault = faultOf(error)
      if (fault?.kind === 'gone' || fault?.code === WEB_PAGE) return undefined
      throw error
    }
  }

  /** The row that fits, from a list that is read to its end; the list may pass over the `name` that it is asked for. */
  async #row(request: RemoteRequest, signal: AbortSignal, fits: (row: Row) => boolean): Promise<Row | undefined> {
    const seen = new Set<string>()
    for (let pageNo = 1; pageNo <= PAGES; pageNo += 1) {
      const query = { pageNo, pageSize: PAGE, name: remoteName(request) }
      const at: Request = { method: 'GET', path: '/v1/training/instance/list', query }
      const { records, totalRows } = await this.#exchange.ask(at, List, signal)
      const found = records.find(fits)
      if (found) return found
      const before = seen.size
      for (const { id } of records) seen.add(id)
      if (seen.size >= totalRows) return undefined
      if (seen.size === before) break
    }
    throw new RemoteFault('unavailable', 'The list of jobs ends before its own count, so it says nothing of this one')
  }

  async #checkIsEnabled(aidcId: number | undefined, signal: AbortSignal): Promise<void> {
    const query = centre(aidcId)
    const at: Request = { method: 'GET', path: '/v1/training/instance/checkIsEnabled', query }
    if (await this.#believe(at, z.boolean(), signal)) return
    const where = aidcId === undefined ? 'the default data centre' : `data centre ${aidcId}`
    throw new RemoteFault('rejected', `Training is not enabled in ${where}`, { code: 'PRODUCT_NOT_ENABLED' })
  }

  /** What the service says of a product. Its stock is no promise (§7), so it is not looked at. */
  async #product(
    code: string | undefined,
    aidcId: number | undefined,
    signal: AbortSignal,
  ): Promise<Product | undefined> {
    if (code === undefined) return undefined
    const query = centre(aidcId)
    const all = await this.#believe(
      { method: 'GET', path: '/v1/product/list-for-training-task', query },
      Products,
      signal,
    )
    const found = all.find(({ productCode }) => productCode === code)
    if (found || all.length === 0) return found
    const known = all.map(({ productCode }) => productCode).join(', ')
    throw new RemoteFault('rejected', `There is no product ${code}; there are ${known}`)
  }

  async #believe<T>(request: Request, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const name = JSON.stringify(request)
    const known = this.#believed.get(name)
    if (known && known.until > this.tools.now()) return known.value as T
    const value = await this.#exchange.ask(request, schema, signal)
    this.#believed.set(name, { until: this.tools.now() + BELIEVED_FOR, value })
    return value
  }
}

function centre(aidcId: number | undefined): Record<string, number> {
  return aidcId === undefined ? {} : { aidcId }
}

const Cursor = z.object({ pods: z.array(z.object({ name: z.string(), from: z.int().min(1) })) })

/** Reference §8: compared without regard to case; what is not known is watched on. */
const PHASES: Record<string, RemoteStatus['phase']> = {
  WAITING: 'waiting',
  QUEUEING: 'waiting',
  QUEUING: 'waiting',
  PENDING: 'waiting',
  QUEUED: 'waiting',
  CREATING: 'waiting',
  STARTING: 'waiting',
  INITIALIZING: 'waiting',
  NOTSTARTED: 'waiting',
  RUNNING: 'running',
  SUSPENDING: 'stopping',
  SUSPENDED: 'stopped',
  PAUSED: 'stopped',
  SUCCEEDED: 'completed',
  SUCCESS: 'completed',
  FAILED: 'failed',
  ERROR: 'failed',
  CANCELED: 'stopped',
  CANCELLED: 'stopped',
  DELETED: 'stopped',
}

/**
 * A pause that we did not ask for (the balance is used up, somebody's click) is not an end: the job can be restarted there.
 * One that ran out of the service's own time limit has failed.
 */
function statusOf(row: Row, isStopWanted: boolean): RemoteStatus {
  const name = row.status.toUpperCase()
  const message = row.reason ?? row.message
  const known = PHASES[name] ?? 'unknown'
  const isPaused = name === 'SUSPENDED' || name === 'PAUSED'
  const isTimeout = known === 'stopped' && !isPaused && /time ?out/i.test(message ?? '')
  const phase = isPaused && !isStopWanted ? 'waiting' : isTimeout ? 'failed' : known
  return { phase, raw: row.status, message }
}

function isEnd(phase: RemoteStatus['phase']): boolean {
  return phase === 'completed' || phase === 'failed' || phase === 'stopped'
}
