import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCode } from '../../src/schema/failure.js'
import type { GroupLook } from '../../src/schema/group.js'
import type { JobSpec } from '../../src/schema/job.js'
import type { Reason } from '../../src/schema/outcome.js'
import { ArraySpec, SweepSpec } from '../../src/schema/sweep.js'
import { fraction, trialsOf } from '../../src/schema/sweep-draw.js'
import type { TrialView } from '../../src/schema/sweep-view.js'
import { advanceGroup } from '../../src/store/advance-group.js'
import type { GroupRow, JobRow } from '../../src/store/database.js'
import { settle } from '../../src/store/decisions.js'
import { findGroup, stopGroup } from '../../src/store/groups.js'
import { listEvents } from '../../src/store/queries.js'
import { planArray, planSweep, submitSweep, takeUp } from '../../src/store/sweep-changes.js'
import { listTrials, viewSweep, viewTrial } from '../../src/store/sweep-queries.js'
import { lookAtSweepOf } from '../../src/store/sweep-results.js'
import { newAdvanceSweep } from '../../src/store/sweeps.js'
import type { TrialMetrics } from '../../src/store/trial-metrics.js'
import { connectHost, jobOf } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const BY = { project: 'default', actor: 'user:ada' }
const job = { command: ['train', '{{lr}}'] }

/** What every store keeps of sweeps and arrays, whatever database it stands on. */
export function sweepConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    /** By job: what it has reported, in its order. */
    let reported: Map<string, { step: number; value: number }[]>
    beforeEach(async () => {
      t = await newStore()
      reported = new Map()
    })
    afterEach(() => t.drop())

    const metrics: TrialMetrics = {
      atStep: async (_, id, __, step) => reported.get(id)?.find((point) => point.step >= step)?.value,
      valueOf: async (_, id) => reported.get(id)?.at(-1)?.value,
    }
    const kinds = { sweep: newAdvanceSweep(metrics), pipeline: newAdvanceSweep(metrics) }
    const array = async (more: object, key?: string) => {
      const planned = planArray(ArraySpec.parse({ name: 'a', job: { command: 't {}' }, ...more }))
      return t.store.transact((tx) => submitSweep(tx, planned, { ...BY, idempotencyKey: key }))
    }
    const sweep = async (more: object) => {
      const planned = planSweep(SweepSpec.parse({ name: 's', method: 'random', seed: 5, job, parameters: LR, ...more }))
      return (await t.store.transact((tx) => submitSweep(tx, planned, BY))).group.id
    }
    const LR = { lr: { min: 1e-4, max: 1, scale: 'log' } }
    /** Looks as the workflow would, until there is nothing more to do at once. */
    const look = async (id: string): Promise<GroupLook | undefined> => {
      for (;;) {
        const found = await t.store.transact((tx) => advanceGroup(tx, id, kinds))
        if (!found?.more) return found
      }
    }
    const open = (id: string): Promise<JobRow[]> =>
      t.store.read
        .selectFrom('jobs')
        .selectAll()
        .where('group_id', '=', id)
        .where('state', '!=', 'ended')
        .orderBy('id')
        .execute()
    const endJob = async ({ id }: { id: string }, reason: Reason = 'completed') => {
      const { version } = await jobOf(t.store, id)
      await t.store.transact((tx) => settle(tx, id, version, { outcome: { reason, message: `it is ${reason}` } }))
    }
    const view = async (id: string) => viewSweep(t.store.read, await group(id))
    const group = (id: string): Promise<GroupRow> => findGroup(t.store.read, 'default', 'sweep', id)
    const trials = async (id: string, order: 'number' | 'best' = 'number'): Promise<TrialView[]> =>
      listTrials(t.store.read, await group(id), { order, offset: 0, limit: 1000 })
    /** Time passes for those that are to be looked at later. */
    const later = (id: string) =>
      t.store.transact((tx) =>
        tx.q
          .updateTable('group_members')
          .set({ look_at: 1 })
          .where('group_id', '=', id)
          .where('look_at', 'is not', null)
          .execute(),
      )

    test('a window of jobs waits or runs, and each end lets the next one in, until all have had one', async () => {
      const { id } = (await array({ size: 7, window: 3 })).group
      await look(id)
      expect((await open(id)).map(({ group_key }) => group_key)).toEqual(['0', '1', '2'])
      for (const one of (await open(id)).slice(1)) await endJob(one)
      await look(id)
      expect((await open(id)).map(({ group_key }) => group_key)).toEqual(['0', '3', '4'])
      expect((await view(id)).trials).toMatchObject({ waiting: 2, queued: 3, running: 0, completed: 2 })
      while ((await open(id)).length > 0) {
        for (const one of await open(id)) await endJob(one)
        await look(id)
      }
      const { state, outcome } = await view(id)
      expect([state, outcome]).toEqual(['ended', { reason: 'completed', message: '7 tasks completed, 0 failed.' }])
      const jobs = await t.store.read.selectFrom('jobs').select('group_key').where('group_id', '=', id).execute()
      expect(jobs.map(({ group_key }) => group_key).sort()).toEqual(['0', '1', '2', '3', '4', '5', '6'])
    })

    test('a look that is done again submits nothing again', async () => {
      const { id } = (await array({ size: 5, window: 5 })).group
      await look(id)
      await look(id)
      expect(await open(id)).toHaveLength(5)
    })

    test('without a window there are two jobs for each device of the pool, and 16 at least', async () => {
      await connectHost(t.store, 10)
      const { id } = (await array({ size: 100 })).group
      await look(id)
      expect(await open(id)).toHaveLength(20)
      const elsewhere = (await array({ size: 100, job: { command: 't', pool: 'other' } })).group
      await look(elsewhere.id)
      expect(await open(elsewhere.id)).toHaveLength(16)
    })

    test('a task has its index in its command and its environment, and its own name', async () => {
      const { id } = (await array({ items: ['x y', 'z'], name: 'words', job: { command: ['echo', '{}'] } })).group
      await look(id)
      const [first] = await open(id)
      expect(first?.name).toBe('words-0')
      expect(JSON.parse(first?.spec ?? '')).toMatchObject({
        command: ['echo', 'x y'],
        env: { ANNEAL_ARRAY_INDEX: '0', ANNEAL_ARRAY_SIZE: '2', ANNEAL_ARRAY_ITEM: 'x y' },
      } satisfies Partial<JobSpec>)
    })

    test('an array with a failed task has failed, and the task says why, by which job', async () => {
      const { id } = (await array({ size: 2 })).group
      await look(id)
      const [bad, good] = (await open(id)) as [JobRow, JobRow]
      await endJob(bad, 'out_of_memory')
      await endJob(good)
      await look(id)
      expect((await view(id)).outcome).toEqual({ reason: 'failed', message: '1 tasks completed, 1 failed.' })
      expect(await viewTrial(t.store.read, id, '0')).toMatchObject({
        state: 'failed',
        reason: 'out_of_memory',
        note: 'out_of_memory: it is out_of_memory',
        jobId: bad.id,
      })
    })

    test('only failed tasks are tried again, in the same array, by new jobs that inherit what there is', async () => {
      const { id } = (await array({ size: 3 })).group
      await look(id)
      const [bad, ...good] = (await open(id)) as [JobRow, ...JobRow[]]
      await endJob(bad, 'process_failed')
      for (const one of good) await endJob(one)
      await look(id)
      expect(await t.store.transact((tx) => takeUp(tx, id, 'failed', 'user:ada'))).toBe(1)
      expect((await view(id)).state).toBe('running')
      await look(id)
      const [again] = (await open(id)) as [JobRow]
      expect([again.group_key, again.retry_of, again.checkpoints_of]).toEqual(['0', bad.id, bad.id])
      await endJob(again)
      await look(id)
      expect((await view(id)).outcome).toMatchObject({ reason: 'completed' })
      expect(await viewTrial(t.store.read, id, '0')).toMatchObject({ jobs: 2, state: 'completed', note: null })
      const nothing = t.store.transact((tx) => takeUp(tx, id, 'failed', 'user:ada'))
      expect(failureCode(await nothing.catch((error) => error))).toBe('state_conflict')
    })

    test('stopped in the middle: its jobs are stopped, the rest is skipped, and it goes on from there when asked', async () => {
      const { id } = (await array({ size: 5, window: 2 })).group
      await look(id)
      const [done, other] = (await open(id)) as [JobRow, JobRow]
      await endJob(done)
      await t.store.transact((tx) => stopGroup(tx, id, 'user:ada'))
      await look(id)
      expect((await jobOf(t.store, other.id)).stop_wanted).toBe(1)
      await endJob(other, 'stopped')
      await look(id)
      expect(await view(id)).toMatchObject({
        state: 'ended',
        outcome: { reason: 'stopped' },
        trials: { completed: 1, failed: 1, skipped: 3 },
      })
      expect(await t.store.transact((tx) => takeUp(tx, id, 'stopped', 'user:ada'))).toBe(4)
      await look(id)
      expect((await open(id)).map(({ group_key }) => group_key)).toEqual(['1', '2'])
    })

    test('when more have failed than may, what runs is stopped, no failure of its own, and the rest is skipped', async () => {
      const { id } = (await array({ size: 9, window: 3, maxFailures: 1 })).group
      await look(id)
      const [a, b, c] = (await open(id)) as [JobRow, JobRow, JobRow]
      await endJob(a, 'process_failed')
      await look(id)
      expect(await open(id)).toHaveLength(3)
      await endJob(b, 'process_failed')
      await look(id)
      expect((await jobOf(t.store, c.id)).stop_wanted).toBe(1)
      for (const one of await open(id)) await endJob(one, 'stopped')
      await look(id)
      expect(await view(id)).toMatchObject({
        outcome: { reason: 'failed', message: 'More than 1 have failed.' },
        trials: { failed: 2, skipped: 7 },
      })
      const takenUp = (which: 'failed' | 'stopped') => t.store.transact((tx) => takeUp(tx, id, which, 'user:ada'))
      expect([await takenUp('failed'), await takenUp('stopped')]).toEqual([2, 7])
    })

    test('the same key gives the same array; with other tasks it is refused', async () => {
      const first = await array({ items: ['a', 'b'] }, 'key-1')
      const again = await array({ items: ['a', 'b'] }, 'key-1')
      expect([again.existed, again.group.id]).toEqual([true, first.group.id])
      expect(failureCode(await array({ items: ['a', 'c'] }, 'key-1').catch((error) => error))).toBe(
        'idempotency_conflict',
      )
    })

    test('what is drawn stands in the rows: it is what the description and its seed say, and no look draws again', async () => {
      const id = await sweep({ trials: 30, window: 30 })
      const drawn = trialsOf(SweepSpec.parse({ name: 's', method: 'random', trials: 30, seed: 5, job, parameters: LR }))
      expect((await trials(id)).map(({ parameters }) => parameters)).toEqual(drawn.map(({ parameters }) => parameters))
      await t.store.transact((tx) =>
        tx.q
          .updateTable('group_members')
          .set({ data: '{"parameters":{"lr":0.5}}' })
          .where('group_id', '=', id)
          .execute(),
      )
      await look(id)
      expect((await open(id)).map(({ spec }) => (JSON.parse(spec) as JobSpec).command)).toEqual(
        Array(30).fill(['train', '0.5']),
      )
    })

    test('the table has the best first, and the best is told with its parameters, job and value', async () => {
      const id = await sweep({ trials: 4, metric: { name: 'loss', goal: 'min' } })
      await look(id)
      const jobs = await open(id)
      for (const [i, value] of [0.5, 0.2, 0.9].entries()) reported.set(jobs[i]?.id ?? '', [{ step: 1, value }])
      for (const one of jobs.slice(0, 3)) await endJob(one)
      await endJob(jobs[3] as JobRow, 'process_failed')
      await look(id)
      expect((await trials(id, 'best')).map(({ key }) => key)).toEqual(['2', '1', '3', '4'])
      const { best, outcome } = await view(id)
      expect(best).toMatchObject({ key: '2', value: 0.2, jobId: jobs[1]?.id })
      expect(best?.parameters).toEqual((await trials(id))[1]?.parameters)
      expect(outcome).toEqual({ reason: 'completed', message: '3 trials completed, 1 failed.' })
    })

    test('a value that comes after the end of its job is waited for, so that the best is the best', async () => {
      const id = await sweep({ trials: 1, metric: { name: 'acc', goal: 'max' } })
      await look(id)
      const [one] = (await open(id)) as [JobRow]
      await endJob(one)
      expect((await look(id))?.until).toBeGreaterThan(Date.now() - 1000)
      expect((await view(id)).state).toBe('running')
      reported.set(one.id, [{ step: 1, value: 0.7 }])
      await t.store.transact((tx) => lookAtSweepOf(tx, one.id))
      await look(id)
      expect(await view(id)).toMatchObject({ state: 'ended', best: { value: 0.7 } })
    })

    test('a sweep whose metric nobody reports ends all the same', async () => {
      const id = await sweep({ trials: 1, metric: { name: 'acc', goal: 'max' } })
      await look(id)
      await endJob((await open(id))[0] as JobRow)
      await look(id)
      await t.store.transact((tx) =>
        tx.q.updateTable('group_members').set({ ended_at: 1 }).where('group_id', '=', id).execute(),
      )
      await later(id)
      await look(id)
      expect(await view(id)).toMatchObject({ state: 'ended', best: null })
    })

    test('once a trial is as good as asked, the others are stopped, and none of them has failed', async () => {
      const id = await sweep({
        trials: 9,
        window: 3,
        metric: { name: 'acc', goal: 'max' },
        stopWhen: { value: 0.9 },
      })
      await look(id)
      const [a, b, c] = (await open(id)) as [JobRow, JobRow, JobRow]
      reported.set(a.id, [{ step: 1, value: 0.95 }])
      await later(id)
      await look(id)
      reported.set(a.id, [{ step: 2, value: 0.1 }]) // what has been found good enough stays so
      for (const one of [a, b, c]) expect((await jobOf(t.store, one.id)).stop_wanted).toBe(1)
      await endJob(a)
      for (const one of [b, c]) await endJob(one, 'stopped')
      await look(id)
      await later(id)
      await look(id)
      expect(await view(id)).toMatchObject({
        state: 'ended',
        outcome: { reason: 'completed', message: 'Trial 1 has reached acc 0.95.' },
        trials: { completed: 1, failed: 0, skipped: 8 },
      })
    })

    test('the trial that was found good enough is the best, also where the sweep has stopped it before its own end', async () => {
      const metric = { name: 'acc', goal: 'max' }
      const id = await sweep({ trials: 2, window: 2, metric, stopWhen: { value: 0.9 } })
      await look(id)
      const [a, b] = (await open(id)) as [JobRow, JobRow]
      reported.set(a.id, [{ step: 1, value: 0.5 }])
      reported.set(b.id, [{ step: 1, value: 0.95 }])
      await later(id)
      await look(id)
      reported.set(b.id, [{ step: 2, value: 0.1 }])
      for (const one of [a, b]) await endJob(one, 'stopped')
      await later(id)
      await look(id)
      expect(await view(id)).toMatchObject({ state: 'ended', best: { key: '2', value: 0.95, state: 'skipped' } })
    })

    test('asha stops who is not among the best at a level, says why, and counts it as no failure', async () => {
      const asha = { method: 'asha', asha: { reduction: 2, rungs: [1, 4] }, metric: { name: 'loss', goal: 'min' } }
      const id = await sweep({ ...asha, trials: 4, window: 4 })
      await look(id)
      const jobs = (await open(id)) as [JobRow, JobRow, JobRow, JobRow]
      const say = async (one: JobRow, step: number, value: number) => {
        reported.set(one.id, [...(reported.get(one.id) ?? []), { step, value }])
        await t.store.transact((tx) => lookAtSweepOf(tx, one.id))
        await look(id)
      }
      const stopped = async () =>
        (await Promise.all(jobs.map(({ id: one }) => jobOf(t.store, one)))).map((one) => one.stop_wanted)
      await say(jobs[0], 1, 0.5)
      await say(jobs[1], 2, 0.4) // its first report at the level or later counts
      expect(await stopped()).toEqual([0, 0, 0, 0])
      await say(jobs[2], 1, 0.6)
      expect(await stopped()).toEqual([0, 0, 1, 0])
      await say(jobs[3], 1, Number.NaN)
      expect(await stopped()).toEqual([0, 0, 1, 1])
      await say(jobs[1], 4, 0.3)
      await say(jobs[0], 4, 0.35)
      expect(await stopped()).toEqual([1, 0, 1, 1])
      for (const i of [0, 2, 3] as const) await endJob(jobs[i], 'stopped')
      await endJob(jobs[1])
      await look(id)
      const all = await trials(id)
      expect(all.map(({ state, stopped: is }) => [state, is])).toEqual([
        ['completed', true],
        ['completed', false],
        ['completed', true],
        ['completed', true],
      ])
      expect(all[2]?.note).toBe(
        'Stopped at step 1: with loss 0.6 it is number 3 of the 3 that have come so far, and the best 1/2 go on.',
      )
      expect(all[3]?.note).toMatch(/no finite number/)
      const events = await listEvents(t.store.read, jobs[2].id, 0, 100)
      expect(events.find(({ type }) => type === 'trial_stopped')?.data).toMatchObject({ sweep: id, why: all[2]?.note })
      expect(await view(id)).toMatchObject({ outcome: { reason: 'completed' }, best: { key: '2', value: 0.3 } })
    })

    test('a trial that was stopped for its metric is not taken up again, though the whole was stopped meanwhile', async () => {
      const asha = { method: 'asha', asha: { reduction: 2, rungs: [1] }, metric: { name: 'loss', goal: 'min' } }
      const id = await sweep({ ...asha, trials: 3, window: 2 })
      await look(id)
      const [good, poor] = (await open(id)) as [JobRow, JobRow]
      for (const [one, value] of [
        [good, 0.1],
        [poor, 0.2],
      ] as const) {
        reported.set(one.id, [{ step: 1, value }])
        await t.store.transact((tx) => lookAtSweepOf(tx, one.id))
        await look(id)
      }
      await t.store.transact((tx) => stopGroup(tx, id, 'user:ada'))
      await look(id)
      for (const one of [good, poor]) await endJob(one, 'stopped')
      await look(id)
      expect(await t.store.transact((tx) => takeUp(tx, id, 'all', 'user:ada'))).toBe(2)
      expect((await trials(id)).map(({ state }) => state)).toEqual(['waiting', 'failed', 'waiting'])
    })

    test.each([1, 2])('asha judges as a simulation of it does, in whatever order reports come (%i)', async (seed) => {
      const rungs = [1, 2, 4]
      const reduction = 2
      const count = 10
      const asha = { method: 'asha', asha: { reduction, rungs }, metric: { name: 'acc', goal: 'max' } }
      const id = await sweep({ ...asha, trials: count, window: count })
      await look(id)
      const jobs = await open(id)
      const quality = jobs.map((_, i) => fraction(seed, i, 'quality'))
      const steps = jobs.map(() => 0)
      const simulated = new Simulation(rungs, reduction)
      for (let turn = 0; simulated.open(steps).length > 0; turn += 1) {
        const open = simulated.open(steps)
        const i = open[Math.floor(fraction(seed, turn, 'who') * open.length)] as number
        steps[i] = (steps[i] as number) + 1
        const value = (quality[i] as number) * (1 - 0.5 ** (steps[i] as number))
        simulated.report(i, steps[i] as number, value)
        const job = jobs[i] as JobRow
        reported.set(job.id, [...(reported.get(job.id) ?? []), { step: steps[i] as number, value }])
        await t.store.transact((tx) => lookAtSweepOf(tx, job.id))
        await look(id)
      }
      const rows = await Promise.all(jobs.map((job) => jobOf(t.store, job.id)))
      expect(rows.map(({ stop_wanted }) => stop_wanted === 1)).toEqual(jobs.map((_, i) => simulated.stopped.has(i)))
      expect(simulated.stopped.has(quality.indexOf(Math.max(...quality)))).toBe(false)
      expect(simulated.stopped.size).toBeGreaterThan(count / 3)
    })

    test('metrics that come often wake their sweep once in two seconds', async () => {
      const id = await sweep({ trials: 2, metric: { name: 'loss', goal: 'min' } })
      await look(id)
      const [a, b] = (await open(id)) as [JobRow, JobRow]
      const raised = (at: number) =>
        t.store.transact((tx) => tx.q.updateTable('job_groups').set({ raised_at: at }).where('id', '=', id).execute())
      await raised(1)
      const before = (await group(id)).version
      for (const one of [a, b, a, b]) await t.store.transact((tx) => lookAtSweepOf(tx, one.id))
      expect((await group(id)).version).toBe(before + 1)
      const due = (
        await t.store.read.selectFrom('group_members').select('look_at').where('group_id', '=', id).execute()
      )
        .map(({ look_at }) => look_at ?? Number.POSITIVE_INFINITY)
        .filter((at) => at <= Date.now())
      expect(due).toHaveLength(2)
    })

    test('a trial with a description that does not fit fails alone', async () => {
      const list = [...Array(50).fill({ n: 1 }), { n: -1 }]
      const bad = { method: 'list', parameters: undefined, list, job: { command: 't', priority: '{{n}}' }, window: 60 }
      const id = await sweep(bad)
      await look(id)
      expect(await open(id)).toHaveLength(50)
      expect(await viewTrial(t.store.read, id, '51')).toMatchObject({
        state: 'failed',
        jobId: null,
        note: expect.stringMatching(/priority/),
      })
    })
  })
}

/** The rule in plain words: at each level a list of what has come; whoever is not in the upper 1/reduction of it, or at its top, is stopped. */
class Simulation {
  readonly stopped = new Set<number>()
  readonly #levels: { rung: number; values: number[] }[]

  constructor(
    readonly rungs: readonly number[],
    readonly reduction: number,
  ) {
    this.#levels = rungs.map((rung) => ({ rung, values: [] }))
  }

  /** Trials that still report. */
  open(steps: readonly number[]): number[] {
    return steps.flatMap((step, i) => (step < 5 && !this.stopped.has(i) ? [i] : []))
  }

  report(trial: number, step: number, value: number): void {
    const level = this.#levels.find(({ rung }) => rung === step)
    if (!level) return
    level.values.push(value)
    level.values.sort((a, b) => b - a)
    const kept = level.values.slice(0, Math.max(1, Math.floor(level.values.length / this.reduction)))
    if (!kept.includes(value)) this.stopped.add(trial)
  }
}
