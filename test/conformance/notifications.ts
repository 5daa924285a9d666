import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY, MINUTE } from '../../src/schema/duration.js'
import { parsePipeline } from '../../src/schema/parse-pipeline.js'
import type { Message, Notice } from '../../src/schema/webhook.js'
import { advanceGroup } from '../../src/store/advance-group.js'
import { answerGate } from '../../src/store/answer-gate.js'
import type { WebhookRow } from '../../src/store/database.js'
import { GROUP_ADVANCES } from '../../src/store/group-kinds.js'
import {
  claimDue,
  enqueue,
  forgetOldNotifications,
  MOST_WAITING,
  notify,
  settleDelivery,
} from '../../src/store/notifications.js'
import { submitPipeline } from '../../src/store/pipelines.js'
import { requestStop } from '../../src/store/stop.js'
import { ensureProject } from '../../src/store/tokens.js'
import { warnOfLimits } from '../../src/store/warnings.js'
import { createWebhook, findWebhook, listWebhooks, removeWebhook, viewWebhook } from '../../src/store/webhooks.js'
import { advance } from '../support/advance.js'
import { connectHost, empty, exited, launchNow, report, started, submit } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

/** What every store keeps of webhooks and their outbox, whatever database it stands on. */
export function notificationConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await t.store.transact((tx) => ensureProject(tx, 'default'))
    })
    afterEach(() => t.drop())
    const add = (on: Notice[], project = 'default'): Promise<WebhookRow> =>
      t.store.transact((tx) =>
        createWebhook(tx, { project, actor: 'user:1', url: 'https://a.example/hook/T0KEN?k=1', sealed: 'x', on }),
      )
    const outbox = async (hook?: WebhookRow) => {
      const rows = await t.store.read.selectFrom('notifications').selectAll().orderBy('id').execute()
      return rows.filter((row) => !hook || row.webhook_id === hook.id)
    }
    const messages = async (hook?: WebhookRow) => (await outbox(hook)).map(({ body }) => JSON.parse(body) as Message)
    const ended = async (code: number): Promise<string> => {
      const { id } = await submit(t.store, { tags: { team: 'vision' } })
      await report(t.store, await launchNow(t.store, id), started, exited(code), empty)
      await advance(t.store, id)
      return id
    }
    const claim = (limit = 10, busy: string[] = []) => t.store.transact((tx) => claimDue(tx, limit, busy))

    test('the end of a job is told by the commit that ends it, to whoever asked for ends, for failures or for both, once', async () => {
      await connectHost(t.store, 1)
      const [all, failures, both, others] = [
        await add(['ended']),
        await add(['failed']),
        await add(['ended', 'failed']),
        await add(['ended'], 'other'),
      ]
      const good = await ended(0)
      const bad = await ended(3)
      expect((await messages(all)).map(({ text }) => text)).toEqual([
        `Anneal: job job (${good}) has ended: completed, exit code 0`,
        `Anneal: job job (${bad}) has ended: process_failed, exit code 3`,
      ])
      expect(await messages(failures)).toMatchObject([
        {
          type: 'job.ended',
          data: { job: { id: bad, tags: { team: 'vision' } }, outcome: { reason: 'process_failed' } },
        },
      ])
      expect(await messages(both)).toHaveLength(2)
      expect(await messages(others)).toEqual([])
    })

    test('a job that somebody stopped is no failure', async () => {
      const [all, failures] = [await add(['ended']), await add(['failed'])]
      const { id } = await submit(t.store)
      await t.store.transact((tx) => requestStop(tx, id, { actor: 'user:1', force: false }))
      await advance(t.store, id)
      expect([await messages(all), await messages(failures)].map((one) => one.length)).toEqual([1, 0])
    })

    test('that 80 % of a limit have passed is told', async () => {
      const hook = await add(['limit_warning'])
      const { id } = await submit(t.store, { timeouts: { total: '1h' } })
      await t.store.transact((tx) =>
        tx.q
          .updateTable('jobs')
          .set((eb) => ({ total_deadline: eb('total_deadline', '-', 50 * MINUTE), total_warn_at: tx.now - 1 }))
          .execute(),
      )
      await warnOfLimits(t.store)
      expect(await messages(hook)).toMatchObject([{ type: 'job.limit_warning', data: { job: { id }, limit: 'total' } }])
    })

    test('a pipeline tells that its gate waits and how it has ended; its steps tell nothing by themselves', async () => {
      const [gates, ends, failures] = [await add(['gate']), await add(['ended']), await add(['failed'])]
      const steps = { one: { command: 'true' }, look: { needs: 'one', approve: { timeout: '1h', message: 'good?' } } }
      const by = { project: 'default', actor: 'user:1' }
      const { group } = await t.store.transact((tx) =>
        submitPipeline(tx, { ...by, pipeline: parsePipeline({ name: 'p', steps }) }),
      )
      const look = () => t.store.transact((tx) => advanceGroup(tx, group.id, GROUP_ADVANCES))
      await look()
      const { id } = await t.store.read.selectFrom('jobs').select('id').executeTakeFirstOrThrow()
      await connectHost(t.store, 1)
      await report(t.store, await launchNow(t.store, id), started, exited(0), empty)
      await advance(t.store, id)
      await look()
      expect(await messages(gates)).toMatchObject([
        {
          type: 'pipeline.gate',
          text: `Anneal: pipeline p (${group.id}) waits at look; answer with: anneal approve ${group.id} look`,
          data: { pipeline: { id: group.id, name: 'p' }, step: 'look', message: 'good?' },
        },
      ])
      expect(await messages(ends), 'the step is no news').toEqual([])
      await t.store.transact((tx) => answerGate(tx, group.id, { ...by, step: undefined, isApproved: false, why: 'no' }))
      await look()
      const end = { type: 'pipeline.ended', text: `Anneal: pipeline p (${group.id}) has ended: failed` }
      expect(await messages(ends)).toMatchObject([end])
      expect(await messages(failures)).toMatchObject([end])
      expect(await outbox(gates)).toHaveLength(1)
    })

    test('what is told stands or falls with its event', async () => {
      await add(['gate'])
      const told = { type: 'pipeline.gate', text: 'it waits', data: {} }
      const call = t.store.transact(async (tx) => {
        await notify(tx, { project: 'default', notices: ['gate'] }, told)
        throw new Error('undone')
      })
      await expect(call).rejects.toThrow('undone')
      expect(await outbox()).toEqual([])
      await t.store.transact((tx) => notify(tx, { project: 'default', notices: ['gate'] }, told))
      expect(await messages()).toMatchObject([{ type: 'pipeline.gate', text: 'it waits', content: 'it waits' }])
    })

    test('of several servers that look at once one takes a message, and another only when that one said nothing for long', async () => {
      const hook = await add(['ended'])
      for (let i = 0; i < 6; i++)
        await t.store.transact((tx) => enqueue(tx, hook, { type: 'test', text: 'a', data: {} }))
      const taken = (await Promise.all([claim(), claim(), claim()])).flat()
      expect(new Set(taken.map(({ id }) => id)).size).toBe(6)
      expect(taken).toHaveLength(6)
      expect(await claim()).toEqual([])
      await t.store.transact((tx) =>
        tx.q
          .updateTable('notifications')
          .set({ next_at: tx.now - 1 })
          .execute(),
      )
      expect(await claim(10, [hook.id]), 'busy').toEqual([])
      expect((await claim(4)).map(({ attempts }) => attempts)).toEqual([2, 2, 2, 2])
    })

    test('an attempt that failed is made again later and later, at most ten times, then the message is dead with its reason', async () => {
      const hook = await add(['ended'])
      await t.store.transact((tx) => enqueue(tx, hook, { type: 'test', text: 'a', data: {} }))
      const pauses: number[] = []
      for (let i = 0; i < 10; i++) {
        await t.store.transact((tx) => tx.q.updateTable('notifications').set({ next_at: 0 }).execute())
        const [row] = await claim()
        if (!row) throw new Error('nothing was due')
        const now = Date.now()
        await t.store.transact((tx) => settleDelivery(tx, row, { error: 'HTTP 500' }))
        const [after] = await outbox()
        if (after?.next_at) pauses.push(after.next_at - now)
      }
      expect(pauses).toHaveLength(9)
      expect([...pauses].sort((a, b) => a - b)).toEqual(pauses)
      expect((await outbox())[0]).toMatchObject({ state: 'dead', last_error: 'HTTP 500', attempts: 10, next_at: null })
      expect(await viewWebhook(t.store.read, hook)).toMatchObject({ dead: 1, pending: 0 })
    })

    test('one that is gone for good is not tried again, and what was settled is forgotten after a month', async () => {
      const hook = await add(['ended'])
      await t.store.transact((tx) => enqueue(tx, hook, { type: 'test', text: 'a', data: {} }))
      const [row] = await claim()
      if (!row) throw new Error('nothing was due')
      await t.store.transact((tx) => settleDelivery(tx, row, { error: 'HTTP 410', isFinal: true }))
      expect((await outbox())[0]?.state).toBe('dead')
      await t.store.transact(forgetOldNotifications)
      expect(await outbox()).toHaveLength(1)
      await t.store.transact((tx) =>
        tx.q
          .updateTable('notifications')
          .set({ settled_at: tx.now - 31 * DAY })
          .execute(),
      )
      await t.store.transact(forgetOldNotifications)
      expect(await outbox()).toEqual([])
    })

    test('a webhook whose messages pile up takes no more, and says how many were dropped', async () => {
      const hook = await add(['ended'])
      const row = {
        webhook_id: hook.id,
        type: 'test',
        body: '{}',
        state: 'pending',
        attempts: 0,
        created_at: 1,
      } as const
      const rows = Array.from({ length: MOST_WAITING }, (_, i) => ({ ...row, id: `msg_${i}` }))
      await t.store.transact(async (tx) => {
        for (let i = 0; i < rows.length; i += 1000)
          await tx.q
            .insertInto('notifications')
            .values(rows.slice(i, i + 1000))
            .execute()
      })
      expect(await t.store.transact((tx) => enqueue(tx, hook, { type: 'test', text: 'a', data: {} }))).toBeUndefined()
      const found = await findWebhook(t.store.read, 'default', hook.id)
      expect(await viewWebhook(t.store.read, found)).toMatchObject({ dropped: 1, pending: MOST_WAITING })
    })

    test('a listing has neither the path of the address nor the secret; one that is removed keeps none, and what waited is dead', async () => {
      const hook = await add(['ended'])
      await t.store.transact((tx) => enqueue(tx, hook, { type: 'test', text: 'a', data: {} }))
      const listed = await listWebhooks(t.store.read, 'default')
      expect(listed).toMatchObject([{ url: 'https://a.example/…', on: ['ended'], pending: 1 }])
      expect(JSON.stringify(listed)).not.toMatch(/T0KEN|sealed/)
      await t.store.transact((tx) => removeWebhook(tx, hook.id))
      expect(await listWebhooks(t.store.read, 'default')).toEqual([])
      expect((await outbox())[0]).toMatchObject({ state: 'dead', last_error: 'the webhook was removed' })
      const row = await t.store.read.selectFrom('webhooks').select('sealed').executeTakeFirstOrThrow()
      expect(row.sealed).toBe('')
    })
  })
}
