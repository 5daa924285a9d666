import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCode } from '../../src/schema/failure.js'
import { answerGate } from '../../src/store/answer-gate.js'
import { promote as promoteTo, showName } from '../../src/store/artifact-names.js'
import { keepArtifacts, setOf } from '../../src/store/artifacts.js'
import { BlobFolder } from '../../src/store/blobs.js'
import { stopGroup } from '../../src/store/groups.js'
import { sha256 } from '../../src/store/ids.js'
import { readLists } from '../../src/store/item-lists.js'
import { listGroups } from '../../src/store/pipeline-view.js'
import { findJob, listEvents, listJobs, viewJob } from '../../src/store/queries.js'
import { setQuota } from '../../src/store/quota-settings.js'
import { resumePipeline } from '../../src/store/resume-pipeline.js'
import { ensureProject } from '../../src/store/tokens.js'
import { advance } from '../support/advance.js'
import { connectHost, empty, exited, jobOf, launchNow, report, started } from '../support/jobs.js'
import { finish, job, jobOfStep, lookOn, parsed, standings, submitSteps, view } from '../support/pipelines.js'
import type { TestStore } from '../support/stores.js'

const full = { ...empty, outputs: true } as const
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

    /** Ends the job of a step with these files in its outputs. */
    const put = async (id: string, key: string, paths: string[], hashes: Record<string, string> = {}) => {
      const attempt = await launchNow(t.store, await jobOfStep(t.store, id, key))
      const { job_id: jobId, number, fence, host_id } = attempt
      await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started, exited(0), full)
      await advance(t.store, jobId)
      const { set } = await setOf(t.store, host_id, { jobId, attempt: number, fence })
      const files = paths.map((path) => ({
        ...{ path, size: 1, sha256: hashes[path] ?? sha256(path) },
        ...{ mode: 0o644, mtime: 1, note: null },
      }))
      await keepArtifacts(t.store, set, { files, cut: [] })
      await lookOn(t.store, id)
      return jobId
    }

    describe('outputs of a fan-out', () => {
      beforeEach(() => connectHost(t.store, 4))
      const train = { ...job, forEach: ['adam', 'sgd'] }

      test('are each an input of the step that takes in all of them, or one; one can be promoted', async () => {
        const { id } = await submitSteps(t.store, {
          train,
          all: { ...job, inputs: { candidates: { step: 'train', path: 'model' } } },
          one: { ...job, inputs: { model: { step: 'train.sgd' } } },
          best: { promote: { step: 'train.sgd', path: 'model', as: 'digits:best' } },
        })
        await lookOn(t.store, id)
        const adam = await put(id, 'train.adam', ['model'])
        expect(await standings(t.store, id)).toContain('one waiting')
        const sgd = await put(id, 'train.sgd', ['model'])
        const inputs = async (key: string) =>
          JSON.parse((await jobOf(t.store, await jobOfStep(t.store, id, key))).spec).inputs
        expect(await inputs('all')).toEqual({
          candidates_adam: { job: adam, path: 'model' },
          candidates_sgd: { job: sgd, path: 'model' },
        })
        expect(await inputs('one')).toEqual({ model: { job: sgd } })
        expect((await showName(t.store.read, 'default', 'digits:best')).current?.jobId).toBe(sgd)
      })

      test('one that is taken in is waited for alone, and is what the step knows of', async () => {
        const each = { ...job, forEach: ['adam', 'sgd'] }
        const { id } = await submitSteps(t.store, {
          train,
          one: { ...job, cache: true, inputs: { model: { step: 'train.adam' } } },
          evaluate: { ...each, inputs: { model: { step: 'train.{{item}}' } } },
          best: { promote: { step: 'train.adam', path: 'model', as: 'digits:best' } },
          named: { ...job, needs: 'train', inputs: { model: { step: 'train.adam' } } },
          asked: { ...job, when: "steps.train.state == 'completed'", inputs: { model: { step: 'train.adam' } } },
        })
        await lookOn(t.store, id)
        const adam = await put(id, 'train.adam', ['model'])
        expect(await standings(t.store, id)).toEqual([
          ...['train.adam completed', 'train.sgd running', 'one running'],
          ...['evaluate.adam running', 'evaluate.sgd waiting'],
          ...['best completed', 'named waiting', 'asked waiting'],
        ])
        expect(await envOf(id, 'one')).toMatchObject({ ANNEAL_STEP_TRAIN_JOB: adam })
        await end(id, 'train.sgd', 'process_failed')
        expect(await standings(t.store, id)).toEqual(
          expect.arrayContaining(['one running', 'evaluate.adam running', 'evaluate.sgd skipped', 'named skipped']),
        )
        expect(await noteOf(id, 'evaluate.sgd')).toBe('train.sgd failed: process_failed')
      })

      test('a cached step is done anew where the tag of its input has moved, and taken over where it has not', async () => {
        const step = { ...job, cache: true, inputs: { base: { artifact: 'base:prod' } } }
        const made = await submitSteps(t.store, { train, base: { promote: { step: 'train.adam', as: 'base:prod' } } })
        await lookOn(t.store, made.id)
        await put(made.id, 'train.adam', ['w'])
        await put(made.id, 'train.sgd', ['w'])
        const first = await submitSteps(t.store, { a: step })
        await lookOn(t.store, first.id)
        await put(first.id, 'a', ['out'])
        const second = await submitSteps(t.store, { a: step })
        await lookOn(t.store, second.id)
        expect((await view(t.store, second.id)).members[0]?.takenFrom).toBe(first.id)
        const place = { jobId: await jobOfStep(t.store, made.id, 'train.sgd'), attempt: 1, path: '' }
        await t.store.transact((tx) => promoteTo(tx, 'default', { place, as: 'base:prod', actor: 'ada' }))
        const third = await submitSteps(t.store, { a: step })
        await lookOn(t.store, third.id)
        expect(await standings(t.store, third.id)).toEqual(['a running'])
      })
    })

    describe('a fan-out over a list that a step has put out', () => {
      let folder: string
      let blobs: BlobFolder
      beforeEach(async () => {
        await connectHost(t.store, 8)
        folder = mkdtempSync(join(tmpdir(), 'anneal-lists-'))
        blobs = new BlobFolder(folder)
      })
      afterEach(() => rmSync(folder, { recursive: true }))

      const steps = (more: object = {}) => ({
        prep: job,
        train: { command: 'train {{item}}', forEach: { step: 'prep', path: 'variants', ...more } },
        join: { ...job, inputs: { models: { step: 'train', path: 'model' } } },
      })
      /** Ends prep with that file, and looks as the activity does. */
      const list = async (id: string, text: string) => {
        await wrote(id, text)
        await lookWithLists(id)
      }
      const wrote = async (id: string, text: string) => {
        const hash = sha256(text)
        await blobs.put(hash, Readable.from([Buffer.from(text)]), { maxBytes: 10_000_000 })
        await put(id, 'prep', ['variants'], { variants: hash })
      }
      const lookWithLists = async (id: string) => {
        for (;;) {
          const found = await lookOn(t.store, id)
          if (!found?.lists || !(await readLists(t.store, blobs, id))) return
        }
      }
      const begin = async (more?: object) => {
        const { id } = await submitSteps(t.store, steps(more))
        await lookOn(t.store, id)
        return id
      }

      test('has a member for each item where the step stood, and who takes in the step takes in all of them', async () => {
        const id = await begin()
        await list(id, '["adam", "sgd"]')
        expect(await standings(t.store, id)).toEqual([
          ...['prep completed', 'train.adam running', 'train.sgd running', 'join waiting'],
        ])
        const spec = async (key: string) => JSON.parse((await jobOf(t.store, await jobOfStep(t.store, id, key))).spec)
        expect(await spec('train.sgd')).toMatchObject({ name: 'p-train-sgd', command: 'train sgd' })
        const adam = await put(id, 'train.adam', ['model'])
        const sgd = await put(id, 'train.sgd', ['model'])
        expect((await spec('join')).inputs).toEqual({
          models_adam: { job: adam, path: 'model' },
          models_sgd: { job: sgd, path: 'model' },
        })
        expect((await listEvents(t.store.read, id, 0, 50)).map(({ type }) => type)).toContain('fanned_out')
      })

      test('is made once, however many look at the same time', async () => {
        const id = await begin()
        await wrote(id, '["adam", "sgd"]')
        await Promise.all(Array.from({ length: 8 }, () => readLists(t.store, blobs, id)))
        await lookWithLists(id)
        expect(await standings(t.store, id)).toHaveLength(4)
      })

      test.each([
        ['{"adam": 1}', {}, 'item 1: {{item}} has no value: the item is {"adam":1}'],
        ['{"adam": 1', {}, 'prep:variants is no list: line 1 begins as a JSON map and is none'],
        ['["a", "b", "c"]', { max: 2 }, 'prep:variants has 3 items; at most 2 (forEach.max)'],
        ['["a", ["b"]]', {}, 'prep:variants, item 2: ["b"] is no item; expected'],
        ['a\nb\na\n', {}, 'prep:variants, line 3: is the same as line 1'],
        ['["a", ', {}, 'prep:variants begins as a JSON array and is none: '],
      ])('%j: fails the step with its place in the file', async (text, more, note) => {
        const id = await begin(more)
        await list(id, text)
        expect(await noteOf(id, 'train')).toContain(note)
        expect(await standings(t.store, id)).toEqual(['prep completed', 'train failed', 'join skipped'])
      })

      test('fails where the file is not there, and has nothing to do where it is empty', async () => {
        const missing = await begin({ path: 'varaints' })
        await list(missing, '[]')
        expect(await noteOf(missing, 'train')).toMatch(
          /^prep:varaints cannot be read: "varaints" of attempt 1 .* is not among/,
        )
        const empty = await begin()
        await list(empty, '[]')
        expect(await standings(t.store, empty)).toEqual(['prep completed', 'train completed', 'join running'])
      })

      test('keeps the items that were done when the pipeline is resumed, also with an edited file', async () => {
        const id = await begin()
        await list(id, 'adam\nsgd\n')
        await end(id, 'train.adam')
        await end(id, 'train.sgd', 'process_failed')
        await resume(id, { ...steps(), train: { ...steps().train, command: 'train --again {{item}}' } })
        await lookWithLists(id)
        expect(await standings(t.store, id)).toEqual([
          ...['prep completed', 'train.adam completed', 'train.sgd running', 'join waiting'],
        ])
        const { spec } = await jobOf(t.store, await jobOfStep(t.store, id, 'train.sgd'))
        expect(JSON.parse(spec).command).toBe('train --again sgd')
      })

      test('is not begun any more in a pipeline that was stopped while its list was read', async () => {
        const id = await begin()
        await wrote(id, 'adam\nsgd\n')
        await t.store.transact((tx) => stopGroup(tx, id, 'ada'))
        await readLists(t.store, blobs, id)
        await lookOn(t.store, id)
        expect(await standings(t.store, id)).toEqual(['prep completed', 'train skipped', 'join skipped'])
      })
    })

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
