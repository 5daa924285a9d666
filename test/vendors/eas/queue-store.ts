import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { claim, type Taker } from '../../../src/vendors/eas/facade/claim.js'
import { forgetConnected, joinQueue, sweepConsumers } from '../../../src/vendors/eas/facade/consumers.js'
import {
  commitEntries,
  commitTask,
  countWaiting,
  markDelivered,
  placeOf,
  releaseDeliveries,
} from '../../../src/vendors/eas/facade/deliveries.js'
import { markTask, putEntry, queueRow, readEntries } from '../../../src/vendors/eas/facade/entries.js'
import type { JobHook } from '../../../src/vendors/eas/facade/job-hook.js'
import { put, remove } from '../../../src/vendors/eas/facade/operations.js'
import { QueueProblem } from '../../../src/vendors/eas/facade/problem.js'
import { createService, type Queue, queueOf, queueOfId } from '../../../src/vendors/eas/facade/queues.js'
import type { TestStore } from '../../support/stores.js'

/** What the queues keep, whatever database they stand on. */
export function queueConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    let queue: Queue
    beforeEach(async () => {
      t = await newStore()
      const service = { project: 'default', name: `svc-${Math.random()}`, isJobService: true }
      queue = queueOf(await t.store.transact((tx) => createService(tx, service)), 'input')
    })
    afterEach(() => t.drop())

    const add = (text: string, priority = 0, tags = {}) =>
      t.store.transact((tx) => putEntry(tx, queue, { data: Buffer.from(text), tags, priority }))
    const taker = (uid: string, more: Partial<Taker> = {}): Taker => ({
      connection: uid,
      gid: 'g',
      uid,
      start: 0,
      window: 10,
      autoCommit: false,
      indexOnly: false,
      tags: {},
      isBusy: false,
      refused: new Set(),
      isNew: false,
      symbol: 0,
      turn: 0,
      ...more,
    })
    const give = async (...takers: Taker[]) => {
      const { given } = await t.store.transact((tx) => claim(tx, queue, takers, () => false))
      return given.map((gift) => [gift.taker.uid, ...gift.entries.map(({ data }) => data.toString())])
    }

    test('a hundred puts at once get a hundred indexes, and are read in their order', async () => {
      const heads = await Promise.all(Array.from({ length: 100 }, (_, i) => add(String(i))))
      expect(heads.map(({ index }) => index).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 100 }, (_, i) => i + 1),
      )
      const entries = await readEntries(t.store.read, queue, { limit: 200 })
      expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
      expect(Number((await queueRow(t.store.read, queue)).length)).toBe(100)
    })

    test('a put that is refused leaves nothing, and takes no index', async () => {
      await add('a')
      const full = t.store.transact((tx) => putEntry(tx, queue, { data: Buffer.alloc(0), tags: {}, maxLength: 1 }))
      await expect(full).rejects.toMatchObject({ statusCode: 429 })
      expect((await add('b')).index).toBe(2)
    })

    test('hands out by priority and age, evenly, and never twice', async () => {
      for (const [text, priority] of [
        ['a', 0],
        ['b', 0],
        ['urgent', 5],
        ['c', 0],
      ] as const)
        await add(text, priority)
      const both = [taker('x', { window: 2 }), taker('y', { window: 1, turn: 1 })]
      expect(await give(...both)).toEqual([
        ['x', 'urgent', 'b'],
        ['y', 'a'],
      ])
      expect(await give(...both)).toEqual([])
      expect(await countWaiting(t.store.read, queue)).toBe(1)
      await t.store.transact((tx) => commitEntries(tx, queue, 'g', [1]))
      expect(await give(...both)).toEqual([['y', 'c']])
    })

    test('several at once on one queue never give an entry to two', async () => {
      for (let i = 0; i < 30; i += 1) await add(String(i))
      const all = await Promise.all(Array.from({ length: 6 }, (_, i) => give(taker(`u${i}`, { window: 5 }))))
      const texts = all.flat().flatMap(([, ...entries]) => entries)
      expect([texts.length, new Set(texts).size]).toEqual([30, 30])
    })

    test('what a consumer had is kept over a restart, given back to it, and after its grace to others', async () => {
      await add('a')
      const watch = { gid: 'g', uid: 'x', start: 0, window: 1, autoCommit: false, indexOnly: false, tags: {} }
      const by = { connection: 'c1', server: 's', graceMs: 0 }
      await t.store.transact((tx) => joinQueue(tx, queue, watch, by))
      expect(await give(taker('x'))).toEqual([['x', 'a']])
      await t.store.transact(forgetConnected)
      expect(await give(taker('y'))).toEqual([])
      expect(await give(taker('x', { isNew: true }))).toEqual([['x', 'a']])
      await t.store.transact((tx) => sweepConsumers(tx, (id) => queueOfId(tx.q, id)))
      expect(await give(taker('y'))).toEqual([['y', 'a']])
    })

    test('an entry that a job works on waits and is pending as any other, and only the job commits it', async () => {
      const { index } = await add('train', 0, { taskType: 'command' })
      await t.store.transact((tx) => markTask(tx, queue, index))
      expect(await placeOf(t.store.read, queue, index)).toEqual({ isPending: false, waitCount: 0 })
      expect(await give(taker('x', { gid: queue.service.name }))).toEqual([])
      const job = { gid: queue.service.name, uid: 'job' }
      await t.store.transact((tx) => markDelivered(tx, queue, [index], job))
      expect(await placeOf(t.store.read, queue, index)).toMatchObject({ isPending: true, consumerId: `${job.gid}.job` })
      await t.store.transact((tx) => commitEntries(tx, queue, job.gid, [index]))
      await t.store.transact((tx) => commitEntries(tx, queue, 'observer', [index]))
      expect(await placeOf(t.store.read, queue, index)).toMatchObject({ isPending: true })
      await t.store.transact((tx) => commitTask(tx, queue, index))
      expect(await placeOf(t.store.read, queue, index)).toBeUndefined()
    })

    test('what is released waits again at its old place', async () => {
      for (const text of ['a', 'b', 'c']) await add(text)
      await give(taker('x', { window: 2 }))
      await t.store.transact((tx) => releaseDeliveries(tx, queue, { gid: 'g', uid: 'x' }, [1]))
      expect(await give(taker('y'))).toEqual([['y', 'a', 'c']])
    })

    test('the job layer hears of puts, deletions and symbols in the same transaction', async () => {
      const heard: string[] = []
      const hook: JobHook = {
        async onInputPut(_tx, _queue, { tags, index }) {
          if (tags.taskType === 'refuse') throw new QueueProblem(400, 'no')
          heard.push(`put ${index}`)
          return tags.taskType === 'command'
        },
        async onInputDelete(_tx, _queue, entries) {
          heard.push(`delete ${entries.map(({ index }) => index)}`)
        },
        async onSymbol(_tx, _queue, { tags }) {
          heard.push(`symbol ${tags.taskId}`)
        },
      }
      const putTagged = (tags: Record<string, string>) =>
        t.store.transact((tx) => put(tx, queue, { data: Buffer.from('x'), tags, priority: 0, maxLength: 10 }, hook))
      await putTagged({ taskType: 'command' })
      await putTagged({})
      await expect(putTagged({ taskType: 'refuse' })).rejects.toThrow('no')
      await putTagged({ _is_symbol_: 'true', taskId: 't' })
      await t.store.transact((tx) => remove(tx, queue, [1, 2, 3], hook))
      expect(heard).toEqual(['put 1', 'put 2', 'symbol t', 'delete 1'])
      expect(Number((await queueRow(t.store.read, queue)).length)).toBe(0)
    })
  })
}
