import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCode } from '../../src/schema/failure.js'
import { answerGate } from '../../src/store/answer-gate.js'
import { listGroups } from '../../src/store/pipeline-view.js'
import { findJob, listEvents, listJobs, viewJob } from '../../src/store/queries.js'
import { setQuota } from '../../src/store/quota-settings.js'
import { resumePipeline } from '../../src/store/resume-pipeline.js'
import { ensureProject } from '../../src/store/tokens.js'
import { jobOf } from '../support/jobs.js'
import { finish, job, jobOfStep, lookOn, parsed, standings, submitSteps, view } from '../support/pipelines.js'
import type { TestStore } from '../support/stores.js'

const CHAIN = { a: job, b: { ...job, needs: 'a' }, c: { ...job, needs: 'b' } }

/** What every pipeline keeps, whatever database it stands on. */
export function pipelineConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())

    const noteOf = async (id: string, key: string) =>
      (await view(t.store, id)).members.find((member) => member.key === key)?.note
    const envOf = async (id: string, key: string) =>
      JSON.parse((await jobOf(t.store, await jobOfStep(t.store, id, key))).spec).env
    const answer = (id: string, isApproved: boolean, step?: string, why?: string) =>
      t.store.transact((tx) => answerGate(tx, id, { step, isApproved, why, actor: 'ada' }))
    const resume = (id: string, steps?: object) =>
      t.store.transact((tx) => resumePipeline(tx, id, { actor: 'ada', edited: steps && parsed(steps) }))
    const end = async (id: string, key: string, reason?: 'completed' | 'process_failed') => {
      await finish(t.store, id, key, reason)
      await lookOn(t.store, id)
    }

    describe('steps', () => {
      test('run each when its needs are over, and know the jobs of these', async () => {
        const { id } = await submitSteps(t.store, {
          prep: job,
          train: { ...job, needs: 'prep', forEach: ['x', 'y'] },
          join: { ...job, needs: ['train', 'prep'] },
        })
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual([
          'prep running',
          'train.x waiting',
          'train.y waiting',
          'join waiting',
        ])
        await end(id, 'prep')
        const prep = await jobOfStep(t.store, id, 'prep')
        expect(await envOf(id, 'train.x')).toEqual({ ANNEAL_STEP_PREP_JOB: prep })
        await end(id, 'train.y')
        expect(await standings(t.store, id)).toContain('join waiting')
        await end(id, 'train.x')
        const [x, y] = [await jobOfStep(t.store, id, 'train.x'), await jobOfStep(t.store, id, 'train.y')]
        expect(await envOf(id, 'join')).toEqual({ ANNEAL_STEP_TRAIN_JOB: `${x} ${y}`, ANNEAL_STEP_PREP_JOB: prep })
        await end(id, 'join')
        expect((await view(t.store, id)).outcome).toEqual({ reason: 'completed', message: '4 of 4 steps were done.' })
      })

      test('a job says to which pipeline it belongs, and the list of jobs knows them', async () => {
        const { id } = await submitSteps(t.store, { a: job, b: job })
        await lookOn(t.store, id)
        const a = await findJob(t.store.read, 'default', 'p-a')
        expect((await viewJob(t.store.read, a)).group).toEqual({ id, kind: 'pipeline', name: 'p', key: 'a' })
        const listed = await listJobs(t.store.read, 'default', { group: id, limit: 10 })
        expect(listed.map((one) => one.name)).toEqual(['p-b', 'p-a'])
        expect(await listJobs(t.store.read, 'default', { group: 'another', limit: 10 })).toEqual([])
      })

      test('one that fails skips what needs it, and lets the others go on', async () => {
        const { id } = await submitSteps(t.store, { ...CHAIN, d: job })
        await lookOn(t.store, id)
        await end(id, 'a', 'process_failed')
        expect(await standings(t.store, id)).toEqual(['a failed', 'd running', 'b skipped', 'c skipped'])
        expect(await noteOf(id, 'a')).toBe('It is process_failed.')
        expect(await noteOf(id, 'b')).toBe('a failed: process_failed')
        await end(id, 'd')
        expect((await view(t.store, id)).outcome).toMatchObject({ reason: 'failed' })
      })

      test('no more have a job at once than the pipeline says', async () => {
        const { id } = await submitSteps(t.store, { a: { ...job, forEach: [1, 2, 3, 4, 5] } }, { maxParallel: 2 })
        expect(await lookOn(t.store, id)).toEqual({ more: false, until: null })
        const running = async () => (await view(t.store, id)).steps.running
        expect(await running()).toBe(2)
        await end(id, 'a.1')
        expect(await running()).toBe(2)
      })

      test('hundreds are begun by looks that each commit a hundred', async () => {
        const items = Array.from({ length: 250 }, (_, i) => i)
        const { id } = await submitSteps(t.store, { a: { ...job, forEach: items }, b: { ...job, needs: 'a' } })
        await lookOn(t.store, id)
        expect((await view(t.store, id)).steps).toMatchObject({ running: 250, waiting: 1 })
        for (const item of items) await finish(t.store, id, `a.${item}`)
        await lookOn(t.store, id)
        expect((await view(t.store, id)).steps).toMatchObject({ completed: 250, running: 1 })
      })

      test('five thousand that wait for a failed one are skipped in one look', async () => {
        const items = Array.from({ length: 5_000 }, (_, i) => i)
        const { id } = await submitSteps(t.store, { a: job, b: { ...job, needs: 'a', forEach: items } })
        await lookOn(t.store, id)
        await end(id, 'a', 'process_failed')
        expect((await view(t.store, id)).steps).toMatchObject({ failed: 1, skipped: 5_000 })
      }, 120_000)
    })

    describe('resuming', () => {
      test('begins failed and skipped steps again, keeps completed ones, and ends once more', async () => {
        const { id } = await submitSteps(t.store, CHAIN)
        await lookOn(t.store, id)
        await end(id, 'a')
        await end(id, 'b', 'process_failed')
        const [a, b] = [await jobOfStep(t.store, id, 'a'), await jobOfStep(t.store, id, 'b')]
        await resume(id)
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(['a completed', 'b running', 'c waiting'])
        expect(await jobOfStep(t.store, id, 'a')).toBe(a)
        const again = await jobOf(t.store, await jobOfStep(t.store, id, 'b'))
        expect(again).toMatchObject({ retry_of: b, checkpoints_of: b })
        await end(id, 'b')
        await end(id, 'c')
        expect((await view(t.store, id)).outcome?.reason).toBe('completed')
        expect(failureCode(await resume(id).catch((e: unknown) => e))).toBe('state_conflict')
      })

      test('with an edited file, what is left is as it says; a step that was edited does not inherit', async () => {
        const { id } = await submitSteps(t.store, CHAIN)
        await lookOn(t.store, id)
        await end(id, 'a')
        await end(id, 'b', 'process_failed')
        await resume(id, { a: job, b: { command: 'echo mended', needs: 'a' }, d: { ...job, needs: 'b' } })
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(['a completed', 'b running', 'd waiting'])
        const again = await jobOf(t.store, await jobOfStep(t.store, id, 'b'))
        expect(JSON.parse(again.spec).command).toBe('echo mended')
        expect(again.retry_of).toBeNull()
      })

      test('while it runs nothing changes; an edited file is refused then', async () => {
        const { id } = await submitSteps(t.store, CHAIN)
        await lookOn(t.store, id)
        await resume(id)
        expect(await standings(t.store, id)).toEqual(['a running', 'b waiting', 'c waiting'])
        expect(failureCode(await resume(id, CHAIN).catch((e: unknown) => e))).toBe('state_conflict')
      })

      test('after a stop goes on with what was stopped', async () => {
        const { stopGroup } = await import('../../src/store/groups.js')
        const { id } = await submitSteps(t.store, CHAIN)
        await lookOn(t.store, id)
        await t.store.transact((tx) => stopGroup(tx, id, 'test'))
        await lookOn(t.store, id)
        await end(id, 'a', 'process_failed')
        await resume(id)
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(['a running', 'b waiting', 'c waiting'])
      })
    })

    describe('gates', () => {
      const GATED = {
        a: job,
        gate: { needs: 'a', approve: { timeout: '1h', message: 'good?' } },
        b: { ...job, needs: 'gate' },
      }

      async function atTheGate(steps: object = GATED) {
        const { id } = await submitSteps(t.store, steps)
        await lookOn(t.store, id)
        await end(id, 'a')
        return id
      }

      test('ask once, hold nothing, and let on what was approved', async () => {
        const id = await atTheGate()
        const gate = (await view(t.store, id)).members.find(({ key }) => key === 'gate')
        expect(gate).toMatchObject({ state: 'waiting', asksUntil: expect.any(String), job: null, note: 'good?' })
        const look = await lookOn(t.store, id)
        expect(new Date(look?.until ?? 0).toISOString()).toBe(gate?.asksUntil)
        const events = await listEvents(t.store.read, id, 0, 100)
        expect(events.filter(({ type }) => type === 'approval_wanted')).toMatchObject([
          { data: { step: 'gate', message: 'good?' } },
        ])
        await answer(id, true)
        await answer(id, true, 'gate')
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(['a completed', 'gate completed', 'b running'])
        expect(await noteOf(id, 'gate')).toBe('approved by ada')
        expect(failureCode(await answer(id, false, 'gate').catch((e: unknown) => e))).toBe('state_conflict')
      })

      test('denied by a person, the step fails and what needs it is skipped', async () => {
        const id = await atTheGate()
        await answer(id, false, 'gate', 'too weak')
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(['a completed', 'gate failed', 'b skipped'])
        expect(await noteOf(id, 'gate')).toBe('denied by ada: too weak')
        expect((await view(t.store, id)).outcome).toMatchObject({
          reason: 'failed',
          message: 'Failed: gate (denied); 1 skipped.',
        })
      })

      test.each([
        ['deny', ['a completed', 'gate failed', 'b skipped']],
        ['approve', ['a completed', 'gate completed', 'b running']],
      ])('that nobody answers %s by their limit', async (onTimeout, expected) => {
        const id = await atTheGate({ ...GATED, gate: { needs: 'a', approve: { timeout: '1h', onTimeout } } })
        await t.store.transact((tx) =>
          tx.q.updateTable('group_members').set({ look_at: 1 }).where('key', '=', 'gate').execute(),
        )
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(expected)
      })

      test('an answer to one that does not ask, or is none, is refused', async () => {
        const { id } = await submitSteps(t.store, GATED)
        for (const [step, code] of [
          ['gate', 'state_conflict'],
          ['a', 'not_found'],
          [undefined, 'state_conflict'],
        ] as const)
          expect(failureCode(await answer(id, true, step).catch((e: unknown) => e))).toBe(code)
      })
    })

    describe('cached steps', () => {
      const cached = (command: string) => ({ a: { command, cache: true }, b: { ...job, needs: 'a', cache: true } })

      async function done(command: string) {
        const { id } = await submitSteps(t.store, cached(command))
        await lookOn(t.store, id)
        await end(id, 'a')
        await end(id, 'b')
        return id
      }

      test('are taken over from an earlier pipeline where nothing that matters is different', async () => {
        const first = await done('train')
        const { id } = await submitSteps(t.store, cached('train'))
        await lookOn(t.store, id)
        const { state, members } = await view(t.store, id)
        expect(state).toBe('ended')
        expect(members.map(({ takenFrom }) => takenFrom)).toEqual([first, first])
        expect(members[0]?.job?.id).toBe(await jobOfStep(t.store, first, 'a'))
        expect(members[0]?.note).toBe(`taken over from pipeline p ${first}`)
        expect(await listJobs(t.store.read, 'default', { group: id, limit: 10 })).toEqual([])
      })

      test('run where the command or what they need is another, or the pipeline says so', async () => {
        await done('train')
        const other = await submitSteps(t.store, cached('train --more'))
        await lookOn(t.store, other.id)
        await end(other.id, 'a')
        expect(await standings(t.store, other.id)).toEqual(['a completed', 'b running'])
        const without = await submitSteps(t.store, cached('train'), { cache: false })
        await lookOn(t.store, without.id)
        expect(await standings(t.store, without.id)).toEqual(['a running', 'b waiting'])
      })

      test('one that failed, or that did not say that it may be, is not', async () => {
        const { id } = await submitSteps(t.store, { a: { command: 'x', cache: true } })
        await lookOn(t.store, id)
        await end(id, 'a', 'process_failed')
        const again = await submitSteps(t.store, { a: { command: 'x', cache: true } })
        await lookOn(t.store, again.id)
        expect(await standings(t.store, again.id)).toEqual(['a running'])
      })
    })

    test('one whose step could never start under a quota is refused, and leaves nothing behind', async () => {
      await t.store.transact((tx) => ensureProject(tx, 'default'))
      await t.store.transact((tx) => setQuota(tx, { project: 'default' }, { devices: 2 }))
      const wide = { ...job, resources: { gpus: 3 } }
      const refused = await submitSteps(t.store, { a: job, b: { ...wide, needs: 'a' } }, {}, 'k').catch(
        (e: unknown) => e,
      )
      expect(failureCode(refused)).toBe('quota_exceeded')
      expect(await listGroups(t.store.read, 'default', { kind: 'pipeline', limit: 2 })).toEqual([])
      await submitSteps(t.store, { a: job }, {}, 'k')
    })

    test('the list is newest first, by state and name, a page at a time', async () => {
      const ids: string[] = []
      for (let i = 0; i < 3; i += 1) ids.unshift((await submitSteps(t.store, { a: job })).id)
      const list = async (more: object) =>
        (await listGroups(t.store.read, 'default', { kind: 'pipeline', limit: 2, ...more })).map(({ id }) => id)
      expect(await list({})).toEqual(ids.slice(0, 2))
      expect(await list({ before: ids[1] })).toEqual(ids.slice(2))
      expect(await list({ state: ['ended'] })).toEqual([])
      expect(await list({ name: 'q' })).toEqual([])
      expect(await listGroups(t.store.read, 'other', { kind: 'pipeline', limit: 2 })).toEqual([])
    })
  })
}
