import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Failure, failureCode } from '../../src/schema/failure.js'
import { checkTemplate, jobOf } from '../../src/schema/template.js'
import {
  createTemplate,
  listTemplates,
  removeTemplate,
  storedTemplate,
  updateTemplate,
  viewTemplate,
} from '../../src/store/templates.js'
import { ensureProject } from '../../src/store/tokens.js'
import type { TestStore } from '../support/stores.js'

const admin = { project: 'default', actor: 'admin:1', isAdmin: true }
const user = { project: 'default', actor: 'user:2', isAdmin: false }
const job = { command: 'python3 train.py', env: { LR: '0.1' }, resources: { gpus: 2 } }

/** What every store keeps of templates, whatever database it stands on. */
export function templateConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await t.store.transact((tx) => ensureProject(tx, 'default'))
    })
    afterEach(() => t.drop())
    const create = (body: object = {}, by = admin) =>
      t.store.transact((tx) => createTemplate(tx, 'digits', { job, ...body }, by))
    const update = (body: object = {}, by = admin) =>
      t.store.transact((tx) => updateTemplate(tx, 'digits', { job, ...body }, by))
    const codeOf = async (call: Promise<unknown>) => failureCode(await call.catch((error: unknown) => error))
    const of = (ref: string) => storedTemplate(t.store.read, 'default', ref)
    const problemsOf = (call: () => unknown): Failure => {
      try {
        call()
      } catch (error) {
        return error as Failure
      }
      throw new Error('it was not refused')
    }

    test('each update is a new version, and the ones before stay as they were', async () => {
      expect(await create()).toMatchObject({ version: 1, latest: 1 })
      expect(await update({ job: { ...job, command: 'two' } })).toMatchObject({ version: 2, latest: 2 })
      expect((await of('digits')).job.command).toBe('two')
      expect((await of('digits@1')).job.command).toBe('python3 train.py')
      expect(await viewTemplate(t.store.read, 'default', 'digits@1')).toMatchObject({ version: 1, latest: 2 })
      expect(await codeOf(of('digits@3'))).toBe('not_found')
      expect(await codeOf(of('digits@x'))).toBe('invalid_request')
      expect(await listTemplates(t.store.read, 'default')).toMatchObject([{ name: 'digits', version: 2 }])
    })

    test('versions that are made at the same time get numbers of their own', async () => {
      await create()
      const made = await Promise.all(Array.from({ length: 6 }, () => update()))
      expect(made.map(({ version }) => version).sort()).toEqual([2, 3, 4, 5, 6, 7])
    })

    test('a name is taken once in a project, free again after a removal, and not seen from another', async () => {
      await create()
      expect(await codeOf(create())).toBe('state_conflict')
      expect(await codeOf(storedTemplate(t.store.read, 'other', 'digits'))).toBe('not_found')
      await t.store.transact((tx) => removeTemplate(tx, 'digits', admin))
      expect(await codeOf(of('digits'))).toBe('not_found')
      expect((await create()).version).toBe(1)
    })

    test('locks are made, undone and removed by administrators only, and stay where a version does not name them', async () => {
      expect(await codeOf(create({ locked: ['pool'] }, user))).toBe('forbidden')
      await create({ locked: ['resources.gpus'] })
      for (const body of [{}, { locked: [] }]) expect(await codeOf(update(body, user))).toBe('forbidden')
      expect(await codeOf(t.store.transact((tx) => removeTemplate(tx, 'digits', user)))).toBe('forbidden')
      expect((await update()).locked).toEqual(['resources.gpus'])
      expect((await update({ locked: [] })).locked).toEqual([])
      expect((await update({}, user)).version).toBe(4)
    })

    test('a job is the template with what is set, by its place; null takes a field away', async () => {
      await create()
      const template = await of('digits')
      const made = jobOf(template, { 'env.LR': '0.2', 'resources.gpus': 4, 'tags.a.b': 'c', name: 'other' })
      expect(made).toMatchObject({ name: 'other', command: job.command, env: { LR: '0.2' }, tags: { 'a.b': 'c' } })
      expect(made.resources.gpus).toBe(4)
      expect(jobOf(template, { 'env.LR': null, resources: {} })).toMatchObject({
        name: 'digits',
        env: {},
        resources: { nodes: 1 },
      })
    })

    test('an override of a locked field, of one below it or of what holds it is refused, naming field and template', async () => {
      await create({ locked: ['resources.gpus', 'env'] })
      const template = await of('digits')
      for (const field of ['resources.gpus', 'resources', 'env.LR', 'env']) {
        const refused = problemsOf(() => jobOf(template, { [field]: {} }))
        expect(refused.code, field).toBe('forbidden')
        expect(refused.problems?.[0]?.path).toBe(`set.${field}`)
        expect(refused.message).toMatch(/(resources\.gpus|env) is locked by template digits@1/)
      }
      expect(jobOf(template, { 'resources.cpus': 2, environment: null }).resources).toMatchObject({ gpus: 2, cpus: 2 })
    })

    test('what does not fit is named: an override by what was set, a field of an old version by the template', async () => {
      await create()
      const wrong = problemsOf(() => jobOf({ name: 'digits', version: 1, job, locked: [] }, { 'resources.gpu': 1 }))
      expect(wrong.problems).toMatchObject([{ path: 'set.resources.gpu', message: 'unknown key; did you mean gpus?' }])
      const removed = { ...job, accelerators: 2 }
      const old = problemsOf(() => jobOf({ name: 'digits', version: 1, job: removed, locked: [] }, { 'env.LR': '1' }))
      expect(old.message).toContain('Template digits@1 does not fit any more')
      expect(old.problems?.[0]?.path).toBe('digits@1: accelerators')
      expect(old.next).toContain('anneal template update digits')
    })

    test('a template with a field or a lock that no job has is refused', () => {
      const refused = (body: object) => problemsOf(() => checkTemplate('digits', { job, ...body })).problems
      expect(refused({ job: { ...job, accelerators: 1 } })).toMatchObject([{ path: 'job.accelerators' }])
      expect(refused({ locked: ['pool', 'resources.gpu'] })).toMatchObject([
        { path: 'locked[1]', value: 'resources.gpu' },
      ])
      expect(() => checkTemplate('digits', { job, locked: ['image', 'env.LR', 'timeouts.run'] })).not.toThrow()
    })
  })
}
