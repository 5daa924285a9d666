import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCode } from '../../src/schema/failure.js'
import { MAX_MEMBERS } from '../../src/schema/group.js'
import { countMembers, createGroup, findGroup, stopGroup } from '../../src/store/groups.js'
import { submitJob } from '../../src/store/jobs.js'
import { listEvents } from '../../src/store/queries.js'
import type { Change } from '../../src/store/store.js'
import { jobOf, spec } from '../support/jobs.js'
import { finish, job, jobOfStep, lookOn, standings, submitSteps, view } from '../support/pipelines.js'
import type { TestStore } from '../support/stores.js'

/** What every group of jobs keeps, whatever its kind and whatever database it stands on. */
export function groupConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())

    const rowOf = (id: string) =>
      t.store.read.selectFrom('job_groups').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    const jobsOf = (id: string) => t.store.read.selectFrom('jobs').selectAll().where('group_id', '=', id).execute()

    test('the same key twenty times at once makes one group; with another body, or for a job, it is refused', async () => {
      const all = await Promise.all(Array.from({ length: 20 }, () => submitSteps(t.store, { a: job }, {}, 'k')))
      expect(new Set(all.map(({ id }) => id)).size).toBe(1)
      const other = await submitSteps(t.store, { a: { command: 'false' } }, {}, 'k').catch((e: unknown) => e)
      expect(failureCode(other)).toBe('idempotency_conflict')
      const submission = { project: 'default', actor: 'test', spec: spec(), idempotencyKey: 'k' }
      const asJob = await t.store.transact((tx) => submitJob(tx, submission)).catch((e: unknown) => e)
      expect(failureCode(asJob)).toBe('idempotency_conflict')
    })

    test('twenty looks at once give each member one job', async () => {
      const { id } = await submitSteps(t.store, { a: job, b: job, c: { ...job, needs: 'a' } })
      await Promise.all(Array.from({ length: 20 }, () => lookOn(t.store, id)))
      expect((await jobsOf(id)).map(({ group_key }) => group_key).sort()).toEqual(['a', 'b'])
    })

    test('a look that is rolled back leaves no job behind, and the next one submits it', async () => {
      const { id } = await submitSteps(t.store, { a: job })
      const { advanceGroup } = await import('../../src/store/advance-group.js')
      const { GROUP_ADVANCES } = await import('../../src/store/group-kinds.js')
      const died = t.store.transact(async (tx) => {
        await advanceGroup(tx, id, GROUP_ADVANCES)
        throw new Error('died before its commit')
      })
      await expect(died).rejects.toThrow('died')
      expect(await jobsOf(id)).toEqual([])
      await lookOn(t.store, id)
      expect(await jobsOf(id)).toHaveLength(1)
    })

    test('the end of a job raises its group, and a look says that it has seen it', async () => {
      const { id } = await submitSteps(t.store, { a: job, b: { ...job, needs: 'a' } })
      await lookOn(t.store, id)
      expect(await rowOf(id)).toMatchObject({ version: 1, seen: 1 })
      const changes: Change[] = []
      t.store.onChange('local', (change) => changes.push(change))
      await finish(t.store, id, 'a')
      expect(changes).toContainEqual({ kind: 'group', id })
      expect(await rowOf(id)).toMatchObject({ version: 2, seen: 1 })
      await lookOn(t.store, id)
      expect(await rowOf(id)).toMatchObject({ version: 2, seen: 2 })
    })

    test('a stop stops the jobs that live, begins no other, and ends with the last of them', async () => {
      const { id } = await submitSteps(t.store, { a: job, b: job, c: { ...job, needs: ['a', 'b'] } })
      await lookOn(t.store, id)
      await t.store.transact((tx) => stopGroup(tx, id, 'test'))
      await t.store.transact((tx) => stopGroup(tx, id, 'test'))
      expect((await rowOf(id)).state).toBe('stopping')
      expect(await lookOn(t.store, id)).toEqual({ more: false, until: null })
      expect((await jobsOf(id)).map(({ stop_wanted }) => stop_wanted)).toEqual([1, 1])
      await finish(t.store, id, 'a', 'stopped')
      expect(await lookOn(t.store, id)).toBeDefined()
      await finish(t.store, id, 'b')
      expect(await lookOn(t.store, id)).toBeUndefined()
      expect(await standings(t.store, id)).toEqual(['a failed', 'b completed', 'c skipped'])
      expect(await view(t.store, id)).toMatchObject({ state: 'ended', outcome: { reason: 'stopped' } })
      const types = (await listEvents(t.store.read, id, 0, 100)).map(({ type }) => type)
      expect(types).toEqual(['submitted', 'stop_wanted', 'ended'])
    })

    test('past its total limit its jobs are stopped, and it waits for them without looking again and again', async () => {
      const { id } = await submitSteps(t.store, { a: job, b: { ...job, needs: 'a' } }, { timeouts: { total: '1h' } })
      const look = await lookOn(t.store, id)
      expect(look?.until).toBe((await rowOf(id)).total_deadline)
      await t.store.transact((tx) => tx.q.updateTable('job_groups').set({ total_deadline: 1 }).execute())
      expect(await lookOn(t.store, id)).toEqual({ more: false, until: null })
      expect((await jobOf(t.store, await jobOfStep(t.store, id, 'a'))).stop_wanted).toBe(1)
      await finish(t.store, id, 'a', 'stopped')
      await lookOn(t.store, id)
      expect((await view(t.store, id)).outcome?.reason).toBe('total_time_limit')
    })

    test('jobs that end while others look and submit block nobody for ever', async () => {
      const fan = { ...job, forEach: Array.from({ length: 30 }, (_, i) => i) }
      const { id } = await submitSteps(t.store, { a: fan, b: { ...job, needs: 'a' } })
      await lookOn(t.store, id)
      const { members } = await view(t.store, id)
      const ends = members.filter(({ step }) => step === 'a').map(({ key }) => finish(t.store, id, key))
      await Promise.all([...ends, ...Array.from({ length: 10 }, () => lookOn(t.store, id))])
      await lookOn(t.store, id)
      await finish(t.store, id, 'b')
      await lookOn(t.store, id)
      expect((await view(t.store, id)).outcome?.reason).toBe('completed')
    })

    test('one is found by its id, a beginning of it or its name, by its kind and in its project alone', async () => {
      const { id } = await submitSteps(t.store, { a: job })
      const find = (project: string, kind: 'pipeline' | 'sweep' | undefined, ref: string) =>
        findGroup(t.store.read, project, kind, ref).then(
          (row) => row.id,
          (error: unknown) => failureCode(error),
        )
      for (const ref of [id, id.slice(0, 20), 'p']) expect(await find('default', 'pipeline', ref)).toBe(id)
      expect(await find('default', undefined, id)).toBe(id)
      expect(await find('default', 'sweep', id)).toBe('not_found')
      expect(await find('other', 'pipeline', id)).toBe('not_found')
      await submitSteps(t.store, { a: job })
      expect(await find('default', 'pipeline', id.slice(0, 4))).toBe('ambiguous')
    })

    test('the largest group is taken in one commit', async () => {
      const members = Array.from({ length: MAX_MEMBERS }, (_, i) => ({ key: String(i), data: { i } }))
      const group = { project: 'default', kind: 'sweep' as const, name: 's', spec: {}, members, actor: 'test' }
      const { group: row } = await t.store.transact((tx) => createGroup(tx, group))
      expect(await countMembers(t.store.read, row.id)).toEqual({ waiting: MAX_MEMBERS })
    })
  })
}
