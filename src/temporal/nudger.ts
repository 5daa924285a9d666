import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client'
import type { Logger } from 'pino'
import { crashPoint } from '../crash-point.js'
import { CONTROL_QUEUE, groupWorkflowId, NUDGE, RUN_GROUP, TRAIN_JOB, workflowId } from '../schema/contract.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import type { Change, Store } from '../store/store.js'

const SWEEP_EVERY = 1 * SECOND
/** A row whose commit its workflow has not seen for this long is nudged again (design §4). */
const OVERDUE = 2 * SECOND
/** How often a slow round begins; a quick one begins at the start, when Temporal came back and when a workflow was missing. */
const PATROL_EVERY = 1 * MINUTE
const PATROL_PAGE = 50
/** Calls to Temporal at a time, since a call under load takes 100 ms and more; what waits beyond is bounded by the open jobs. */
const CONCURRENCY = 64
const PAGE = 500
/** Overdue rows that one transaction takes: some milliseconds of this thread, between which requests are answered. */
const CLAIM = 100
const CALL_LIMIT = 10 * SECOND

/**
 * `ensure` starts a workflow where there is none and leaves no event where there is one; `rebuild` also makes it look.
 */
type Kind = 'ensure' | 'nudge' | 'rebuild'
const STRENGTH: Record<Kind, number> = { ensure: 0, nudge: 1, rebuild: 2 }

/** What has a workflow of its own: where its row stands, and which workflow that is. Both tables say alike what a workflow has seen. */
interface Subject {
  table: 'jobs' | 'job_groups'
  workflow: string
  idOf(id: string): string
  /** Nudges within so many ms become one. */
  gatherMs: number
}
const SUBJECTS: Record<'job' | 'group', Subject> = {
  job: { table: 'jobs', workflow: TRAIN_JOB, idOf: workflowId, gatherMs: 0 },
  // Its jobs may end dozens a second; a look at a group takes them all, and it keeps jobs waiting in the queue meanwhile.
  group: { table: 'job_groups', workflow: RUN_GROUP, idOf: groupWorkflowId, gatherMs: 100 },
}
const ALL = Object.values(SUBJECTS)

interface Owed {
  subject: Subject
  id: string
  kind: Kind
}

export interface NudgerOptions {
  store: Store
  client: Client
  logger: Logger
  /** The client stands on the connection of a worker in this process, which may then take a new workflow's first task at once. */
  eagerStart: boolean
  /** Called once a minute. */
  housekeep?: () => Promise<unknown>
}

/**
 * Brings what was committed to the workflows that must see it: starts one for a new job or group, nudges one whose row was
 * raised, and, by the sweep, again whatever was not acknowledged. Rebuilds a missing workflow by signal-with-start. Temporal may
 * be away for as long as it likes: the rows keep what is owed.
 */
export class Nudger {
  /** By workflow id. */
  readonly #owed = new Map<string, Owed>()
  readonly #gathered = new Map<string, NodeJS.Timeout>()
  readonly #options: NudgerOptions
  readonly #stopListening: () => void
  #active = 0
  #away = false
  #patrolledAt = 0
  /** A round looks at all that is open for a missing workflow, a page with each sweep. The first one begins at the start. */
  #round: { subjects: Subject[]; after: string; page: number } | undefined = { subjects: ALL, after: '', page: PAGE }
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: NudgerOptions) {
    this.#options = options
    this.#stopListening = options.store.onChange('local', (change) => this.#onChange(change))
    this.#schedule()
  }

  /** Whether the last call to Temporal failed. */
  get isAway(): boolean {
    return this.#away
  }

  close(): void {
    this.#closed = true
    this.#stopListening()
    clearTimeout(this.#timer)
    for (const timer of this.#gathered.values()) clearTimeout(timer)
    this.#owed.clear()
  }

  #onChange({ kind, id, isNew }: Change): void {
    if (kind !== 'job' && kind !== 'group') return
    const subject = SUBJECTS[kind]
    if (isNew)
      setImmediate(() => this.#owe({ subject, id, kind: 'ensure' })) // a call takes 2 ms of this thread; the answer to the submit goes first
    else if (subject.gatherMs === 0) this.#owe({ subject, id, kind: 'nudge' })
    else this.#gather(subject, id)
  }

  #gather(subject: Subject, id: string): void {
    if (this.#gathered.has(id) || this.#closed) return
    const timer = setTimeout(() => {
      this.#gathered.delete(id)
      this.#owe({ subject, id, kind: 'nudge' })
    }, subject.gatherMs)
    this.#gathered.set(id, timer)
  }

  #owe(owed: Owed): void {
    if (this.#away || this.#closed) return // the sweep finds it when Temporal is back
    const key = owed.subject.idOf(owed.id)
    const known = this.#owed.get(key)
    if (known === undefined || STRENGTH[owed.kind] > STRENGTH[known.kind]) this.#owed.set(key, owed)
    this.#pump()
  }

  #pump(): void {
    while (this.#active < CONCURRENCY && this.#owed.size > 0) {
      const [key, owed] = this.#owed.entries().next().value as [string, Owed]
      this.#owed.delete(key)
      this.#active += 1
      void this.#deliver(owed).finally(() => {
        this.#active -= 1
        this.#pump()
      })
    }
  }

  async #deliver(owed: Owed): Promise<void> {
    try {
      if (owed.kind === 'nudge' && !(await this.#hasUnseen(owed))) return
      await this.#options.client.withDeadline(Date.now() + CALL_LIMIT, () => this.#call(owed))
      CRASH: crashPoint('nudger.delivered')
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return
      if (error instanceof WorkflowNotFoundError) {
        this.#beginRound(PAGE) // one is missing; perhaps all are
        return this.#owe({ ...owed, kind: 'rebuild' })
      }
      if (!this.#away)
        this.#options.logger.warn({ err: error }, 'Temporal cannot be reached; what is owed waits in the store')
      this.#away = true
      this.#owed.clear()
    }
  }

  async #call({ subject, id, kind }: Owed): Promise<unknown> {
    const { client, eagerStart } = this.#options
    const options = {
      workflowId: subject.idOf(id),
      taskQueue: CONTROL_QUEUE,
      args: [id] as [string],
      workflowIdConflictPolicy: 'USE_EXISTING' as const,
    }
    // A start that brings the first task with it saves a poll; in a crowd the tasks would hold up the other starts.
    const requestEagerStart = eagerStart && this.#owed.size < CONCURRENCY
    if (kind === 'ensure') return client.workflow.start(subject.workflow, { ...options, requestEagerStart })
    if (kind === 'nudge') return client.workflow.getHandle(options.workflowId).signal(NUDGE)
    return client.workflow.signalWithStart(subject.workflow, { ...options, signal: NUDGE, signalArgs: [] })
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.#sweep()
        .catch((error) => this.#options.logger.warn({ err: error }, 'the sweep failed; it comes again'))
        .finally(() => !this.#closed && this.#schedule())
    }, SWEEP_EVERY)
  }

  async #sweep(): Promise<void> {
    if (this.#away && !(await this.#probe())) return
    for (const subject of ALL) await this.#oweOverdue(subject)
    if (Date.now() - this.#patrolledAt > PATROL_EVERY) {
      this.#patrolledAt = Date.now()
      this.#beginRound(PATROL_PAGE)
      await this.#options.housekeep?.()
    }
    await this.#goOnWithRound()
  }

  /** At most PAGE of them; the others at the next sweep. */
  async #oweOverdue(subject: Subject): Promise<void> {
    for (let taken = 0; taken < PAGE && !this.#away; taken += CLAIM) {
      const ids = await this.#claimOverdue(subject)
      for (const id of ids) this.#owe({ subject, id, kind: 'rebuild' })
      if (ids.length < CLAIM) return
    }
  }

  async #probe(): Promise<boolean> {
    const { client, logger } = this.#options
    try {
      await client.withDeadline(Date.now() + CALL_LIMIT, () => client.workflowService.getSystemInfo({}))
    } catch {
      return false
    }
    logger.info('Temporal is back')
    this.#away = false
    this.#beginRound(PAGE)
    return true
  }

  #beginRound(page: number): void {
    if (!this.#round || page > this.#round.page) this.#round = { subjects: ALL, after: '', page }
  }

  async #goOnWithRound(): Promise<void> {
    if (!this.#round || this.#away) return
    const { subjects, after, page } = this.#round
    const [subject, ...others] = subjects as [Subject, ...Subject[]]
    const open = await this.#open(subject, after, page)
    for (const { id } of open) this.#owe({ subject, id, kind: 'ensure' })
    const last = open.at(-1)?.id
    if (last !== undefined && open.length === page) this.#round = { subjects, after: last, page }
    else this.#round = others.length > 0 ? { subjects: others, after: '', page } : undefined
  }

  /** A workflow that has made the commit itself, or has looked since, need not be told. */
  async #hasUnseen({ subject, id }: Owed): Promise<boolean> {
    const row = await this.#options.store.read
      .selectFrom(subject.table as 'jobs')
      .select(['version', 'seen', 'state'])
      .where('id', '=', id)
      .executeTakeFirst()
    return row !== undefined && row.state !== 'ended' && row.version > row.seen
  }

  #open({ table }: Subject, after: string, limit: number): Promise<{ id: string }[]> {
    return this.#options.store.read
      .selectFrom(table as 'jobs')
      .select('id')
      .where('state', '!=', 'ended')
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute()
  }

  /** Takes the overdue rows for this process: another one leaves them alone until they are overdue again. */
  async #claimOverdue(subject: Subject): Promise<string[]> {
    const table = subject.table as 'jobs'
    const before = Date.now() - OVERDUE
    const { store } = this.#options
    const overdue = await store.read
      .selectFrom(table)
      .select('id')
      .where('state', '!=', 'ended')
      .whereRef('version', '>', 'seen')
      .where('raised_at', '<', before)
      .orderBy('raised_at')
      .limit(CLAIM)
      .execute()
    if (overdue.length === 0) return []
    const ids = overdue.map((row) => row.id)
    return store.transact(async (tx) => {
      const claimed = await tx.q
        .updateTable(table)
        .set({ raised_at: tx.now })
        .where('id', 'in', ids)
        .where('raised_at', '<', before)
        .returning('id')
        .execute()
      return claimed.map((row) => row.id)
    })
  }
}
