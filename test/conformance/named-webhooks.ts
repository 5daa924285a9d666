import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MINUTE } from '../../src/schema/duration.js'
import { parsePipeline } from '../../src/schema/parse-pipeline.js'
import { ArraySpec, SweepSpec } from '../../src/schema/sweep.js'
import { problemsOfSweep } from '../../src/schema/sweep-problems.js'
import type { Notice } from '../../src/schema/webhook.js'
import { advanceGroup } from '../../src/store/advance-group.js'
import { GROUP_ADVANCES } from '../../src/store/group-kinds.js'
import { submitJob } from '../../src/store/jobs.js'
import { submitPipeline } from '../../src/store/pipelines.js'
import { triggerFire } from '../../src/store/schedule-fires.js'
import { createSchedule } from '../../src/store/schedules.js'
import { planArray, planSweep, submitSweep } from '../../src/store/sweep-changes.js'
import { ensureProject } from '../../src/store/tokens.js'
import { warnOfLimits } from '../../src/store/warnings.js'
import { createWebhook, findWebhook, removeWebhook } from '../../src/store/webhooks.js'
import { advance } from '../support/advance.js'
import { connectHost, empty, exited, jobOf, launchNow, report, spec, started, submit } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const by = { project: 'default', actor: 'user:1' }

/** Who is told where jobs, pipelines and sweeps name webhooks, whatever database the store stands on. */
export function namedWebhookConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await t.store.transact((tx) => ensureProject(tx, 'default'))
      await t.store.transact((tx) => ensureProject(tx, 'other'))
    })
    afterEach(() => t.drop())
    const add = (webhook: string | undefined, on: Notice[], more: { onlyNamed?: boolean; project?: string } = {}) =>
      t.store.transact((tx) =>
        createWebhook(tx, { ...by, url: 'https://a.example/', sealed: 'x', on, name: webhook, ...more }),
      )
    /** Types of what each webhook was told, by its name. */
    const told = async () => {
      const rows = await t.store.read
        .selectFrom('notifications as n')
        .innerJoin('webhooks as w', 'w.id', 'n.webhook_id')
        .select(['w.name', 'n.type'])
        .orderBy('n.id')
        .execute()
      const all: Record<string, string[]> = {}
      for (const { name: webhook, type } of rows) {
        const key = webhook ?? 'nameless'
        all[key] = [...(all[key] ?? []), type]
      }
      return all
    }
    const forget = () => t.store.transact((tx) => tx.q.deleteFrom('notifications').execute())
    const end = async (jobId: string, code: number) => {
      await report(t.store, await launchNow(t.store, jobId), started, exited(code), empty)
      await advance(t.store, jobId)
    }
    const refusal = (call: Promise<unknown>) =>
      call.then(
        () => 'taken',
        (error) => error,
      )
    const look = (groupId: string) => t.store.transact((tx) => advanceGroup(tx, groupId, GROUP_ADVANCES))
    const pipeline = (described: object) =>
      t.store.transact((tx) => submitPipeline(tx, { ...by, pipeline: parsePipeline({ name: 'p', ...described }) }))

    test('a webhook that hears only of what names it hears of that job, for what the job says or else for its own; all others hear as ever', async () => {
      await connectHost(t.store, 1)
      await add('all', ['ended'])
      await add(undefined, ['ended'])
      await add('oncall', ['failed'], { onlyNamed: true })
      await end((await submit(t.store)).id, 3)
      expect(await told(), 'nobody is named').toEqual({ all: ['job.ended'], nameless: ['job.ended'] })
      await forget()
      await end((await submit(t.store, { notify: ['oncall'] })).id, 0)
      expect((await told()).oncall, 'it was added for failures').toBeUndefined()
      await end((await submit(t.store, { notify: ['oncall'] })).id, 3)
      expect((await told()).oncall).toEqual(['job.ended'])
      await end((await submit(t.store, { notify: [{ webhook: 'oncall', on: ['ended'] }] })).id, 0)
      expect(await told()).toEqual({
        all: ['job.ended', 'job.ended', 'job.ended'],
        nameless: ['job.ended', 'job.ended', 'job.ended'],
        oncall: ['job.ended', 'job.ended'],
      })
    })

    test('who is named hears of more than it was added for, and of nothing twice', async () => {
      await connectHost(t.store, 1)
      await add('team', ['limit_warning'])
      await end((await submit(t.store, { notify: [{ webhook: 'team', on: ['ended', 'failed'] }] })).id, 3)
      expect(await told()).toEqual({ team: ['job.ended'] })
      await forget()
      const { id } = await submit(t.store, { notify: [{ webhook: 'team', on: ['failed'] }], timeouts: { total: '1h' } })
      await passMostOf(id)
      expect(await told(), 'a name takes nothing away').toEqual({ team: ['job.limit_warning'] })
    })

    const passMostOf = async (jobId: string) => {
      await t.store.transact((tx) =>
        tx.q
          .updateTable('jobs')
          .set((eb) => ({ total_deadline: eb('total_deadline', '-', 50 * MINUTE), total_warn_at: tx.now - 1 }))
          .where('id', '=', jobId)
          .execute(),
      )
      await warnOfLimits(t.store)
    }

    test('a pipeline names who hears of its gate, its end and the limits of its steps; a step who hears of its own end', async () => {
      await connectHost(t.store, 1)
      await add('all', ['ended'])
      await add('boss', ['ended', 'gate', 'limit_warning'], { onlyNamed: true })
      await add('oncall', ['ended'], { onlyNamed: true })
      const steps = {
        one: { command: 'true', timeouts: { total: '1h' } },
        two: { command: 'true', needs: 'one', notify: ['oncall'] },
        look: { needs: 'two', approve: { timeout: '1h', onTimeout: 'approve' } },
      }
      const { group } = await pipeline({ notify: ['boss'], steps })
      const stepJob = async (step: string) => {
        await look(group.id)
        const jobs = t.store.read.selectFrom('jobs').select('id').where('group_key', '=', step)
        return (await jobs.executeTakeFirstOrThrow()).id
      }
      await passMostOf(await stepJob('one'))
      await end(await stepJob('one'), 0)
      expect(await told()).toEqual({ boss: ['job.limit_warning'] })
      await end(await stepJob('two'), 0)
      expect(await told()).toEqual({ boss: ['job.limit_warning'], oncall: ['job.ended'] })
      await look(group.id)
      await t.store.transact((tx) =>
        tx.q.updateTable('group_members').set({ look_at: 1 }).where('key', '=', 'look').execute(),
      )
      await look(group.id)
      await look(group.id)
      expect(await told()).toEqual({
        all: ['pipeline.ended'],
        boss: ['job.limit_warning', 'pipeline.gate', 'pipeline.ended'],
        oncall: ['job.ended'],
      })
    })

    test('a sweep names who hears of its end, and its job names nobody', async () => {
      await connectHost(t.store, 1)
      await add('boss', ['ended'], { onlyNamed: true })
      const sweep = SweepSpec.parse({
        name: 's',
        method: 'list',
        list: [{ a: 1 }],
        notify: ['boss'],
        job: { command: 'true' },
      })
      const { group } = await t.store.transact((tx) => submitSweep(tx, planSweep(sweep), by))
      await look(group.id)
      await end((await t.store.read.selectFrom('jobs').select('id').executeTakeFirstOrThrow()).id, 0)
      await look(group.id)
      expect(await told()).toEqual({ boss: ['sweep.ended'] })
      const each = { ...sweep, job: { command: 'true', notify: ['boss'] } }
      expect(problemsOfSweep(each)).toMatchObject([{ path: 'job.notify' }])
    })

    test('a webhook that there is not is refused with its place and the names that there are, and nothing is submitted', async () => {
      await add('oncall', ['ended'])
      await add('elsewhere', ['ended'], { project: 'other' })
      const job = await refusal(
        submit(t.store, { notify: ['oncall', { webhook: 'oncal', on: ['failed'] }, 'elsewhere'] }),
      )
      expect(job).toMatchObject({
        code: 'invalid_spec',
        problems: [
          { path: 'notify[1]', message: 'there is no webhook oncal; did you mean oncall?', expected: 'one of oncall' },
          { path: 'notify[2]', message: 'there is no webhook elsewhere' },
        ],
      })
      const steps = { a: { command: 'true', notify: ['b'], forEach: ['x', 'y'] } }
      const paths = async (call: Promise<unknown>) =>
        ((await refusal(call)) as { problems: { path: string }[] }).problems.map(({ path }) => path)
      expect(await paths(pipeline({ notify: ['a'], steps }))).toEqual(['notify[0]', 'steps.a.notify[0]'])
      const list = { name: 's', method: 'list', list: [{ a: 1 }], notify: ['x'], job: { command: 'true' } }
      const sweep = planSweep(SweepSpec.parse(list))
      expect(await paths(t.store.transact((tx) => submitSweep(tx, sweep, by)))).toEqual(['sweep.notify[0]'])
      const array = planArray(ArraySpec.parse({ name: 'a', size: 2, notify: ['x'], job: { command: 'true' } }))
      expect(await paths(t.store.transact((tx) => submitSweep(tx, array, by)))).toEqual(['array.notify[0]'])
      for (const table of ['jobs', 'job_groups'] as const)
        expect(await t.store.read.selectFrom(table).select('id').execute()).toEqual([])
    })

    test('when the webhook has gone meanwhile a fire of a schedule fails with that reason; a retry and the same key go on', async () => {
      const hook = await add('oncall', ['ended'])
      const job = spec({ notify: ['oncall'] })
      const accept = () => t.store.transact((tx) => submitJob(tx, { ...by, spec: job, idempotencyKey: 'k' }))
      const { job: before } = await accept()
      const timing = { every: '1d', timezone: 'UTC', overlap: 'allowAll' as const, catchUp: '1d' }
      const body = { job: { name: 'j', command: 'true', notify: ['oncall'] } }
      const schedule = await t.store.transact((tx) => createSchedule(tx, { ...by, name: 's', timing, body }))
      await t.store.transact((tx) => removeWebhook(tx, hook.id))
      expect(await accept()).toMatchObject({ existed: true, job: { id: before.id } })
      const retry = await t.store.transact((tx) => submitJob(tx, { ...by, spec: job, retryOf: before }))
      expect(await jobOf(t.store, retry.job.id)).toMatchObject({ state: 'queued' })
      expect(await t.store.transact((tx) => triggerFire(tx, schedule.id))).toMatchObject({
        state: 'failed',
        reason: 'invalid_spec: notify[0]: there is no webhook oncall',
      })
    })

    test('a name is one webhook’s as long as that is there, finds it, and is its own in each project', async () => {
      const first = await add('oncall', ['ended'])
      await add('oncall', ['ended'], { project: 'other' })
      expect((await findWebhook(t.store.read, 'default', 'oncall')).id).toBe(first.id)
      expect(await refusal(add('oncall', ['failed']))).toMatchObject({ code: 'state_conflict' })
      await t.store.transact((tx) => removeWebhook(tx, first.id))
      const second = await add('oncall', ['failed'])
      expect((await findWebhook(t.store.read, 'default', 'oncall')).id).toBe(second.id)
    })
  })
}
