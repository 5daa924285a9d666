import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCode } from '../../src/schema/failure.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import { admitHost, setPool } from '../../src/store/admission.js'
import { submitJob } from '../../src/store/jobs.js'
import { viewJob } from '../../src/store/queries.js'
import {
  allocateAcrossPools,
  allocateAfterChange,
  listQuotas,
  setQuota,
  unsetQuota,
} from '../../src/store/quota-settings.js'
import { requestStop } from '../../src/store/stop.js'
import { createToken, ensureProject } from '../../src/store/tokens.js'
import { advance } from '../support/advance.js'
import { attemptOf, begin, connectHost, empty, exited, jobOf, report, spec, started } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

/** What every store keeps of its quotas, whatever database it stands on. */
export function quotaConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      for (const project of ['vision', 'speech']) await t.store.transact((tx) => ensureProject(tx, project))
    })
    afterEach(() => t.drop())

    const submit = async (project: string, more: Partial<JobSpecInput> = {}, actor = 'user:ada') => {
      const submission = { project, actor, spec: spec(more) }
      return (await t.store.transact((tx) => submitJob(tx, submission))).job.id
    }
    const enqueue = async (...args: Parameters<typeof submit>) => {
      const id = await submit(...args)
      await begin(t.store, id)
      return id
    }
    const set = (
      key: { project: string; user?: string; pool?: string },
      limits: { devices?: number; running?: number; queued?: number },
    ) => t.store.transact((tx) => setQuota(tx, key, limits))
    const isGranted = async (id: string) => (await attemptOf(t.store, id, 1)).granted_at !== null
    const granted = (ids: string[]) => Promise.all(ids.map(isGranted))
    const view = async (id: string) => viewJob(t.store.read, await jobOf(t.store, id))
    const finish = async (id: string) => {
      await report(t.store, await attemptOf(t.store, id, 1), started, exited(0), empty)
      await advance(t.store, id)
    }
    const refusal = (call: Promise<unknown>) =>
      call.then(
        () => undefined,
        (error: unknown) => error,
      )

    describe('a project that holds all the devices it may', () => {
      test('waits, says why, and holds nobody up behind it', async () => {
        await connectHost(t.store, 4)
        await set({ project: 'vision' }, { devices: 2 })
        const first = await enqueue('vision', { resources: { gpus: 2 } })
        const second = await enqueue('vision')
        const other = await enqueue('speech', { resources: { gpus: 2 } })
        expect(await granted([first, second, other])).toEqual([true, false, true])
        const { standing, waitingFor } = await view(second)
        expect(standing).toMatchObject({ reason: 'quota', position: 1, quota: { limit: 'devices', used: 2, max: 2 } })
        expect(waitingFor).toBe('1st in pool default; project vision holds 2 of its 2 devices')
      })
      test('gets the next device when one of its own is given back', async () => {
        await connectHost(t.store, 4)
        await set({ project: 'vision' }, { devices: 2 })
        const jobs = [await enqueue('vision'), await enqueue('vision'), await enqueue('vision')]
        expect(await granted(jobs)).toEqual([true, true, false])
        await finish(jobs[0] as string)
        expect(await granted(jobs)).toEqual([true, true, true])
      })
      test('gets it from the sweep when it was given back in another pool', async () => {
        await connectHost(t.store, 1)
        await connectHost(t.store, 1, { hostId: 'host-2', name: 'host-2', pool: 'other' })
        await set({ project: 'vision' }, { running: 1 })
        const [here, there] = [await enqueue('vision'), await enqueue('vision', { pool: 'other' })]
        expect(await granted([here, there])).toEqual([true, false])
        expect((await view(there)).waitingFor).toContain('project vision has 1 of its 1 attempts running')
        await finish(here)
        await allocateAcrossPools(t.store)
        expect(await isGranted(there)).toBe(true)
      })
    })

    test('the devices of an attempt on several hosts count on all of them', async () => {
      for (const id of ['a', 'b']) await connectHost(t.store, 4, { hostId: id, name: id })
      await set({ project: 'vision' }, { devices: 5 })
      const wide = await enqueue('vision', { resources: { gpus: 2, nodes: 2 } })
      const other = await enqueue('vision', { resources: { gpus: 2 } })
      expect(await granted([wide, other])).toEqual([true, false])
      expect(failureCode(await refusal(submit('vision', { resources: { gpus: 3, nodes: 2 } })))).toBe('quota_exceeded')
    })

    test('several that wait are counted on as they are granted together', async () => {
      await set({ project: 'vision' }, { devices: 3 })
      const jobs: string[] = []
      for (const gpus of [2, 2, 1]) jobs.push(await enqueue('vision', { resources: { gpus } }))
      const other = await enqueue('speech', { resources: { gpus: 2 } })
      await connectHost(t.store, 8)
      expect(await granted([...jobs, other])).toEqual([true, false, true, true])
    })

    test('a job that asks for no device counts as running', async () => {
      await connectHost(t.store, 1)
      await set({ project: 'vision' }, { running: 1 })
      const [first, second] = [
        await enqueue('vision', { resources: { gpus: 0 } }),
        await enqueue('vision', { resources: { gpus: 0 } }),
      ]
      expect(await granted([first, second])).toEqual([true, false])
      await finish(first)
      expect(await isGranted(second)).toBe(true)
    })

    test('the quota of a user, or of a pool, speaks of nobody and nothing else', async () => {
      await connectHost(t.store, 4)
      await connectHost(t.store, 4, { hostId: 'host-2', name: 'host-2', pool: 'other' })
      await set({ project: 'vision', user: 'user:ada', pool: 'default' }, { devices: 1 })
      const jobs = [
        await enqueue('vision'),
        await enqueue('vision'),
        await enqueue('vision', {}, 'user:bob'),
        await enqueue('vision', { pool: 'other' }),
        await enqueue('vision', { pool: 'other' }),
      ]
      expect(await granted(jobs)).toEqual([true, false, true, true, true])
    })

    test('three hundred of one project that may not start hide nobody behind them', async () => {
      await set({ project: 'vision' }, { devices: 1 })
      for (let i = 0; i < 300; i++) await enqueue('vision')
      const other = await enqueue('speech')
      await connectHost(t.store, 3)
      expect(await isGranted(other)).toBe(true)
      expect((await listQuotas(t.store.read))[0]?.used).toMatchObject({ devices: 1, running: 1 })
    }, 120_000)

    test('who may not start by quota preempts nobody', async () => {
      await connectHost(t.store, 1)
      await t.store.transact((tx) => setPool(tx, 'default', { preempts: true }))
      await set({ project: 'vision' }, { running: 0 })
      const low = await enqueue('speech', { priority: 10 })
      await report(t.store, await attemptOf(t.store, low, 1), started)
      await enqueue('vision', { priority: 90 })
      expect((await jobOf(t.store, low)).state).toBe('running')
      const high = await enqueue('speech', { priority: 90 })
      expect((await jobOf(t.store, low)).state).toBe('stopping')
      expect((await view(high)).standing?.reason).toBe('behind_others')
    })

    test('who is held back by the grant of a moment ago preempts nobody either', async () => {
      await connectHost(t.store, 2)
      await set({ project: 'vision' }, { running: 1 })
      const [low, other] = [await enqueue('speech', { priority: 10 }), await enqueue('speech', { priority: 10 })]
      await report(t.store, await attemptOf(t.store, low, 1), started)
      const high = [await enqueue('vision', { priority: 90 }), await enqueue('vision', { priority: 90 })]
      await t.store.transact((tx) => tx.q.updateTable('pools').set({ preempts: 1 }).execute())
      await finish(other)
      expect(await granted(high)).toEqual([true, false])
      expect((await jobOf(t.store, low)).state).toBe('running')
    })

    test('a quota that is raised, or taken away, lets those start whom it held back', async () => {
      await connectHost(t.store, 3)
      await set({ project: 'vision' }, { devices: 1, queued: 9 })
      const jobs = [await enqueue('vision'), await enqueue('vision'), await enqueue('vision')]
      await set({ project: 'vision' }, { devices: 2 })
      await allocateAfterChange(t.store, '')
      expect(await granted(jobs)).toEqual([true, true, false])
      const [quota] = await listQuotas(t.store.read, 'vision')
      expect(quota).toMatchObject({ devices: 2, queued: 9, used: { devices: 2, running: 2, queued: 3 } })
      await t.store.transact((tx) => unsetQuota(tx, { project: 'vision' }))
      await allocateAfterChange(t.store, '')
      expect(await granted(jobs)).toEqual([true, true, true])
      expect(await listQuotas(t.store.read)).toEqual([])
    })

    describe('a submit', () => {
      test('of one job more than may be open is refused with the limit, the use and what to do, and taken when one has ended', async () => {
        await set({ project: 'vision' }, { queued: 2 })
        const first = await submit('vision')
        await submit('vision')
        expect(await refusal(submit('vision'))).toMatchObject({
          code: 'quota_exceeded',
          message: 'project vision has 2 of the 2 jobs that it may have open at once',
          details: { max: 2, used: 2 },
          next: expect.stringContaining('anneal list'),
        })
        await submit('speech')
        await t.store.transact((tx) => requestStop(tx, first, { actor: 'test', force: false }))
        await advance(t.store, first)
        await submit('vision')
      })
      test('that comes ten times at once takes no more than the quota', async () => {
        await set({ project: 'vision', user: 'user:ada' }, { queued: 3 })
        const answers = await Promise.all(Array.from({ length: 10 }, () => refusal(submit('vision'))))
        expect(answers.filter((answer) => answer === undefined)).toHaveLength(3)
        await submit('vision', {}, 'user:bob')
      })
      test('with a key that was accepted gives its job, also when the quota is used up', async () => {
        await set({ project: 'vision' }, { queued: 1 })
        const submission = { project: 'vision', actor: 'user:ada', spec: spec(), idempotencyKey: 'k' }
        const once = await t.store.transact((tx) => submitJob(tx, submission))
        const again = await t.store.transact((tx) => submitJob(tx, submission))
        expect(again).toMatchObject({ existed: true, job: { id: once.job.id } })
      })
      test('of a job that asks for more devices than it could ever hold is refused', async () => {
        await set({ project: 'vision', pool: 'default' }, { devices: 4 })
        const answer = await refusal(submit('vision', { resources: { gpus: 5 } }))
        expect(answer).toMatchObject({ code: 'quota_exceeded', message: expect.stringContaining('may hold 4 at once') })
      })
    })

    test('a user is known by the id of a token; a project or token that there is not is refused', async () => {
      const { id } = await t.store.transact((tx) => createToken(tx, { role: 'user', project: 'vision' }))
      expect(await set({ project: 'vision', user: id }, { queued: 1 })).toMatchObject({ created_by: `user:${id}` })
      expect(await refusal(set({ project: 'nobody' }, { queued: 1 }))).toMatchObject({ code: 'not_found' })
      expect(await refusal(set({ project: 'vision', user: 'nobody' }, { queued: 1 }))).toMatchObject({
        code: 'not_found',
      })
      const unset = t.store.transact((tx) => unsetQuota(tx, { project: 'speech' }))
      expect(await refusal(unset)).toMatchObject({ code: 'not_found' })
    })

    test('what a tree that would not die keeps counts as held', async () => {
      await connectHost(t.store, 2)
      await set({ project: 'vision' }, { devices: 1 })
      const [first, second] = [await enqueue('vision'), await enqueue('vision')]
      await report(t.store, await attemptOf(t.store, first, 1), started, { type: 'stuck', pids: [7] })
      await t.store.transact((tx) => admitHost(tx, 'host-1', 'resume'))
      expect(await isGranted(second)).toBe(false)
    })
  })
}
