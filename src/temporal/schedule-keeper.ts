import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client'
import type { Logger } from 'pino'
import { CONTROL_QUEUE, FIRE_SCHEDULE, temporalScheduleId } from '../schema/contract.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import { milliseconds } from '../schema/job.js'
import type { Timing } from '../schema/schedule.js'
import { cronsForTemporal } from '../schema/schedule-times.js'
import type { ScheduleRow } from '../store/database.js'
import type { Store } from '../store/store.js'

/** How long a schedule that was lost or changed in Temporal may stay so; until then the sweep fires it, some seconds late. */
const LOOK_EVERY = 1 * MINUTE
const AGAIN_AFTER = 5 * SECOND
const CALL_LIMIT = 10 * SECOND
/** Missed times are made up for from the store, all by the first wake; so Temporal need not wake once for each. */
const TEMPORAL_CATCH_UP = 1 * MINUTE
/** A wake that nobody could answer in this time is worth nothing any more. */
const WAKE_LIMIT = 1 * MINUTE

type Wake = Pick<ScheduleOptions, 'spec' | 'action' | 'policies' | 'state'>

/**
 * Keeps Temporal's schedules like the rows of the store, which are the truth: makes what is missing there, mends what differs, the
 * pause included, and deletes what was removed. By each change at once, and by a look at all of them once a minute and at
 * the start. Schedules in Temporal that no row of ours knows are somebody else's.
 */
export class ScheduleKeeper {
  readonly #options: { store: Store; client: Client; logger: Logger; every?: number | undefined }
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #looking = Promise.resolve()
  #isAway = false
  /** Since the last look began. */
  #hasChanged = false
  #closed = false

  constructor(options: { store: Store; client: Client; logger: Logger; every?: number | undefined }) {
    this.#options = options
    this.#stopListening = options.store.onChange('local', ({ kind }) => {
      if (kind !== 'schedule') return
      this.#hasChanged = true
      if (!this.#isAway) this.#lookIn(0)
    })
    this.#lookIn(0)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopListening()
    clearTimeout(this.#timer)
    await this.#looking
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#looking.then(() => this.#look())
    }, ms)
  }

  async #look(): Promise<void> {
    if (this.#closed) return
    const { client, logger, every = LOOK_EVERY } = this.#options
    let isAway = false
    this.#hasChanged = false
    try {
      await client.withDeadline(Date.now() + CALL_LIMIT, () => this.#reconcile())
    } catch (error) {
      isAway = true
      if (!this.#isAway)
        logger.warn({ err: error }, 'the schedules cannot be brought to Temporal; the sweep fires them')
    }
    this.#isAway = isAway
    this.#lookIn(isAway ? AGAIN_AFTER : this.#hasChanged ? 0 : every)
  }

  async #reconcile(): Promise<void> {
    const rows = await this.#options.store.read.selectFrom('schedules').selectAll().execute()
    if (rows.length === 0) return
    const there = await this.#there()
    for (const row of rows) {
      if (this.#closed) return
      const note = there.get(temporalScheduleId(row.id))
      if (row.removed_at !== null) {
        if (note !== undefined) await this.#remove(row)
      } else if (note !== noteOf(row)) await this.#put(row, note !== undefined)
    }
  }

  /** What Temporal has, with the note that says for which row it was made. */
  async #there(): Promise<Map<string, string>> {
    const there = new Map<string, string>()
    for await (const { scheduleId, state } of this.#options.client.schedule.list({ pageSize: 500 }))
      there.set(scheduleId, `${state.note ?? ''}${state.paused ? ' paused' : ''}`)
    return there
  }

  async #put(row: ScheduleRow, exists: boolean): Promise<void> {
    const { schedule } = this.#options.client
    const wake = wakeOf(row)
    const scheduleId = temporalScheduleId(row.id)
    try {
      if (exists) await schedule.getHandle(scheduleId).update(() => wake as never)
      else await schedule.create({ scheduleId, ...wake } as never)
    } catch (error) {
      if (error instanceof ScheduleAlreadyRunning) return this.#put(row, true)
      if (!(error instanceof ScheduleNotFoundError)) throw error
      await schedule.create({ scheduleId, ...wake } as never)
    }
  }

  async #remove({ id }: ScheduleRow): Promise<void> {
    try {
      await this.#options.client.schedule.getHandle(temporalScheduleId(id)).delete()
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error
    }
  }
}

/** Temporal's part: to wake us at these times. What is done then, overlap and catch-up included, the rows decide. */
export function wakeOf(row: ScheduleRow): Wake {
  const { cron, every, offset, timezone } = JSON.parse(row.timing) as Timing
  const times = cron === undefined ? intervalOf(every as string, offset) : { cronExpressions: cronsForTemporal(cron) }
  return {
    spec: { ...times, timezone },
    action: {
      type: 'startWorkflow',
      workflowType: FIRE_SCHEDULE,
      workflowId: temporalScheduleId(row.id),
      taskQueue: CONTROL_QUEUE,
      args: [row.id],
      workflowExecutionTimeout: WAKE_LIMIT,
    },
    policies: { overlap: 'ALLOW_ALL', catchupWindow: TEMPORAL_CATCH_UP },
    state: { paused: row.paused_at !== null, note: noteOf(row).replace(/ paused$/, '') },
  }
}

function intervalOf(every: string, offset: string | undefined) {
  return { intervals: [{ every: milliseconds(every), offset: milliseconds(offset ?? '0s') }] }
}

/** Changes with all that Temporal is told. */
function noteOf({ timing, paused_at }: ScheduleRow): string {
  const { cron, every, offset, timezone } = JSON.parse(timing) as Timing
  return `anneal ${[cron ?? every, offset, timezone].join(' ')}${paused_at === null ? '' : ' paused'}`
}
