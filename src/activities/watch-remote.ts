import type { Logger } from 'pino'
import { crashPoint } from '../crash-point.js'
import type { Provider, Remote, RemoteRequest, RemoteStatus } from '../providers/provider.js'
import { faultOf } from '../providers/provider.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import type { Reason } from '../schema/outcome.js'
import type { LogStore } from '../store/log-store.js'
import {
  type AttemptRef,
  claimCreate,
  readRemoteRun,
  remoteAccepted,
  remoteEnded,
  remoteSaid,
  remoteTrouble,
  unclaimCreate,
  type WatchedRun,
} from '../store/remote-runs.js'
import { concerns, type Store } from '../store/store.js'
import { requestOf, shipLogs } from './ship-logs.js'

/** A service must say "no such run" this often in a row before the run counts as lost. */
const GONE_TIMES = 3
const LONGEST_PAUSE = 5 * MINUTE
/** Reads of the rest of a log, after the end, that may fail before the end counts without it. */
const LAST_READS = 5

/** One account of a service, and how it may be spoken to. */
export interface Connected {
  provider: Pick<Provider, 'name' | 'settleWithin' | 'isRepeatable'>
  remote: Remote
  /** Milliseconds between two looks. */
  pollEvery: number
}

export interface WatchDeps {
  store: Store
  logs: LogStore
  logger: Logger
  /** Throws a RemoteFault `rejected` that says what is missing in the operator's files. */
  connect(run: WatchedRun): Connected
}

/**
 * Runs one attempt at another service, from the intent to its end. It holds no facts: at every turn it reads what is
 * written and does the next thing, so it may be ended and begun again at any moment, or run twice for a while.
 *
 *   intended → find, else claim → create → accepted → status, logs, stop … → ended
 *                                   └ unclear: only found, never blindly created again
 */
export async function watchRemote(deps: WatchDeps, ref: AttemptRef, signal: AbortSignal): Promise<void> {
  const waker = wakerOf(deps.store, ref.jobId)
  const memory: Memory = { troubles: 0, gone: 0, lastReads: 0 }
  try {
    for (;;) {
      signal.throwIfAborted()
      const run = await readRemoteRun(deps.store.read, ref)
      if (!run) return
      const pause = await turn(deps, ref, run, memory, signal)
      if (pause > 0) await waker.sleep(pause, signal)
    }
  } finally {
    waker.close()
  }
}

interface Memory {
  /** Turns in a row that did not get through. */
  troubles: number
  gone: number
  lastReads: number
}

/** Does one thing and gives the milliseconds to wait before the next. */
async function turn(deps: WatchDeps, ref: AttemptRef, run: WatchedRun, memory: Memory, signal: AbortSignal) {
  let connected: Connected | undefined
  try {
    connected = deps.connect(run)
    const pause = await step({ ...deps, ...connected }, ref, run, memory, signal)
    memory.troubles = 0
    return pause
  } catch (error) {
    signal.throwIfAborted()
    const fault = faultOf(error)
    if (!fault) deps.logger.error({ err: error, ...ref }, 'a hosted attempt could not be watched')
    memory.troubles += 1
    const message = fault?.message ?? (error as Error).message
    if (fault?.kind === 'rejected' && run.run.state === 'intended') {
      await end(deps.store, ref, 'provider_rejected', message)
      return 0
    }
    await deps.store.transact((tx) => remoteTrouble(tx, ref, message))
    const backoff = Math.min(LONGEST_PAUSE, (connected?.pollEvery ?? SECOND) * 2 ** Math.min(memory.troubles - 1, 8))
    return Math.max(fault?.retryAfter ?? 0, backoff)
  }
}

type Here = WatchDeps & Connected

function step(here: Here, ref: AttemptRef, run: WatchedRun, memory: Memory, signal: AbortSignal): Promise<number> {
  switch (run.run.state) {
    case 'intended':
      return run.attempt.wanted === 'stop' ? neverSent(here, ref) : begin(here, ref, run, signal)
    case 'creating':
      return settle(here, ref, run, signal)
    default:
      return follow(here, ref, run, memory, signal)
  }
}

async function neverSent({ store }: Here, ref: AttemptRef): Promise<number> {
  await end(store, ref, 'stopped', 'Stopped before it was sent to the provider.')
  return 0
}

async function begin(here: Here, ref: AttemptRef, run: WatchedRun, signal: AbortSignal): Promise<number> {
  const { store, remote } = here
  const request = requestOf(run)
  const known = await remote.find(request, signal)
  if (known !== undefined) return accept(here, ref, known)
  if (!(await store.transact((tx) => claimCreate(tx, ref)))) return 0
  CRASH: crashPoint('remote.create-claimed')
  return create(here, ref, request, signal)
}

async function create(here: Here, ref: AttemptRef, request: RemoteRequest, signal: AbortSignal): Promise<number> {
  const { store, remote, pollEvery } = here
  try {
    const id = await remote.create(request, signal)
    CRASH: crashPoint('remote.created')
    return await acceptOrStop(here, ref, id, request, signal)
  } catch (error) {
    const fault = faultOf(error)
    if (fault?.kind === 'rejected') {
      await end(store, ref, 'provider_rejected', fault.message)
      return 0
    }
    if (fault?.kind === 'throttled' || fault?.kind === 'unavailable') {
      await store.transact((tx) => unclaimCreate(tx, ref))
      throw fault
    }
    // Whether it was made is not known: the row stays at `creating`, from where it is only looked up.
    await store.transact((tx) => remoteTrouble(tx, ref, `No clear answer to the submit: ${(error as Error).message}`))
    return Math.min(pollEvery, SECOND)
  }
}

/** The call may have been made by a watch that is no more. Looks for the run until it is found or surely not there. */
async function settle(here: Here, ref: AttemptRef, run: WatchedRun, signal: AbortSignal): Promise<number> {
  const { store, remote, provider, pollEvery } = here
  const known = await remote.find(requestOf(run), signal)
  if (known !== undefined) return accept(here, ref, known)
  if (Date.now() < (run.run.claimed_at ?? 0) + provider.settleWithin) return pollEvery
  if (provider.isRepeatable) {
    await store.transact((tx) => unclaimCreate(tx, ref))
    return 0
  }
  await end(store, ref, 'provider_unknown', 'The submit had no clear answer, and the provider shows no such run.')
  return 0
}

/** An attempt that was closed while the call was under way has nobody who would end what the call has made. */
async function acceptOrStop(here: Here, ref: AttemptRef, id: string, request: RemoteRequest, signal: AbortSignal) {
  await accept(here, ref, id)
  if (await readRemoteRun(here.store.read, ref)) return 0
  here.logger.warn({ ...ref, remoteId: id }, 'a hosted attempt was closed while it was being submitted; stopping it')
  await here.remote.stop(id, request, signal).catch((error: Error) => {
    here.logger.error({ err: error, ...ref, remoteId: id }, 'a run that nobody wants any more could not be stopped')
  })
  return 0
}

async function accept({ store }: Here, ref: AttemptRef, id: string): Promise<number> {
  await store.transact((tx) => remoteAccepted(tx, ref, id))
  CRASH: crashPoint('remote.accepted')
  return 0
}

async function follow(here: Here, ref: AttemptRef, run: WatchedRun, memory: Memory, signal: AbortSignal) {
  const { store, remote, pollEvery } = here
  const id = run.run.remote_id as string
  const request = requestOf(run)
  const isWanted = run.attempt.wanted === 'stop'
  try {
    const refused = isWanted ? await askToStop(here, id, request, signal) : undefined
    const status = await remote.status(id, request, signal)
    memory.gone = 0
    await store.transact((tx) => remoteSaid(tx, ref, { ...status }))
    CRASH: crashPoint('remote.status-committed')
    const hasEnded = END_REASON[status.phase] !== undefined
    const shipped = await ship(here, ref, id, hasEnded, memory, signal)
    await tellTrouble(store, ref, run, refused ?? shipped.trouble)
    if (!hasEnded) return shipped.more ? 0 : jittered(pollEvery)
    if (!shipped.isWhole) return Math.min(pollEvery, SECOND)
    await endAs(store, ref, status)
    CRASH: crashPoint('remote.end-committed')
    await remote.forget?.(id, request, signal).catch((error) => {
      signal.throwIfAborted()
      here.logger.warn({ err: error, ...ref }, 'a service could not be told that a run may be forgotten')
    })
    return 0
  } catch (error) {
    if (faultOf(error)?.kind !== 'gone') throw error
    memory.gone += 1
    if (memory.gone < GONE_TIMES) return isWanted ? Math.min(pollEvery, SECOND) : pollEvery
    await end(
      store,
      ref,
      isWanted ? 'stopped' : 'provider_lost',
      `The provider no longer knows the run: ${(error as Error).message}`,
    )
    return 0
  }
}

/** Why the service will not stop the run, where it says so for good: such a run is watched to its own end. */
async function askToStop({ remote }: Here, id: string, request: RemoteRequest, signal: AbortSignal) {
  try {
    await remote.stop(id, request, signal)
    return undefined
  } catch (error) {
    if (faultOf(error)?.kind !== 'rejected') throw error
    return `The stop was refused: ${(error as Error).message}`
  }
}

/** Writes only what has changed, so that trouble that lasts is one entry of the timeline. */
async function tellTrouble(store: Store, ref: AttemptRef, { run }: WatchedRun, trouble: string | undefined) {
  if ((trouble ?? null) !== run.trouble) await store.transact((tx) => remoteTrouble(tx, ref, trouble ?? null))
}

/** Trouble with a log never ends a run; after the end it is tried a few times more. */
async function ship(here: Here, ref: AttemptRef, id: string, hasEnded: boolean, memory: Memory, signal: AbortSignal) {
  try {
    return { more: await shipLogs(here, ref, id, hasEnded, signal), isWhole: true, trouble: undefined }
  } catch (error) {
    signal.throwIfAborted()
    here.logger.warn({ err: error, ...ref }, 'the log of a hosted attempt could not be read')
    memory.lastReads += hasEnded ? 1 : 0
    const trouble = `Its log could not be read: ${(error as Error).message}`
    return { more: false, isWhole: memory.lastReads >= LAST_READS, trouble }
  }
}

const END_REASON: { [phase in RemoteStatus['phase']]?: Reason } = {
  completed: 'completed',
  failed: 'provider_failed',
  stopped: 'stopped',
}

function endAs(store: Store, ref: AttemptRef, status: RemoteStatus): Promise<void> {
  const reason = END_REASON[status.phase] as Reason
  const said = status.message ? `${status.raw}: ${status.message}` : status.raw
  const text = reason === 'stopped' ? `Stopped at the provider, which says ${said}.` : `The provider says ${said}.`
  return end(store, ref, reason, text, status.exitCode)
}

function end(store: Store, ref: AttemptRef, reason: Reason, message: string, code?: number): Promise<void> {
  return store.transact((tx) => remoteEnded(tx, ref, { reason, message, code }))
}

/** ± 10 %, so that jobs submitted together are not looked at together. */
function jittered(pause: number): number {
  return pause * (0.9 + 0.2 * Math.random())
}

/** Sleeps that a change of what is wanted cuts short; one that came while nobody slept is not lost. */
function wakerOf(store: Store, jobId: string) {
  let isDue = false
  let wake: () => void = () => undefined
  const off = store.onChange('any', (change) => {
    if (!concerns(change, ['remote'], jobId)) return
    isDue = true
    wake()
  })
  return {
    close: off,
    async sleep(pause: number, signal: AbortSignal): Promise<void> {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        if (isDue || signal.aborted) wake()
        signal.addEventListener('abort', wake, { once: true })
      })
      signal.removeEventListener('abort', wake)
      isDue = false
    },
  }
}
