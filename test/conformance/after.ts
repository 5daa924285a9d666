import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Failure } from '../../src/schema/failure.js'
import type { Reason } from '../../src/schema/outcome.js'
import { beginFirst, look, settle } from '../../src/store/decisions.js'
import { submitJob } from '../../src/store/jobs.js'
import { viewJob } from '../../src/store/queries.js'
import { requestStop } from '../../src/store/stop.js'
import type { Change } from '../../src/store/store.js'
import { advance } from '../support/advance.js'
import { connectHost, jobOf, spec, submit } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

/** How long a submit is held open for an end that must wait for it, in ms. */
const HELD = 300

/** What a job that waits for the end of others keeps. */
export function afterConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await connectHost(t.store, 2)
    })
    afterEach(() => t.drop())

    const finish = async (jobId: string, reason: Reason = 'completed') => {
      const { version } = (await look(t.store.read, jobId)) ?? { version: 0 }
      await t.store.transact((tx) => settle(tx, jobId, version, { outcome: { reason, message: 'said' } }))
    }
    const behind = (job: string, outcome?: 'completed') => ({ after: [{ job, ...(outcome ? { outcome } : {}) }] })
    const endOf = async (id: string) =>
      JSON.parse((await jobOf(t.store, id)).outcome ?? '{}') as { reason?: string; message?: string }

    test('it holds nothing and says what it waits for, until the other has ended', async () => {
      const first = await submit(t.store, { name: 'first' })
      const { id } = await submit(t.store, { ...behind('first'), timeouts: { queue: '1h' } })
      await t.store.transact((tx) => beginFirst(tx, [first.id, id]))
      expect(await advance(t.store, id)).toEqual({ do: 'wait', until: null })
      const waiting = await jobOf(t.store, id)
      expect(waiting).toMatchObject({ attempt: 0, state: 'queued', queue_deadline: null })
      expect((await viewJob(t.store.read, waiting)).waitingFor).toBe(`it waits for the end of job first ${first.id}`)
      const changes: Change[] = []
      t.store.onChange('local', (change) => changes.push(change))
      await finish(first.id, 'process_failed')
      expect(changes).toContainEqual({ kind: 'job', id })
      await advance(t.store, id)
      const begun = await jobOf(t.store, id)
      expect(begun).toMatchObject({ attempt: 1, waits: 0, state: 'pending' })
      expect(begun.queue_deadline).toBeGreaterThan(Date.now() + 3_000_000)
    })

    test('one that wanted the other to complete ends with the reason where it did not', async () => {
      const first = await submit(t.store, { name: 'first' })
      const { id } = await submit(t.store, behind(first.id, 'completed'))
      await finish(first.id, 'out_of_memory')
      await advance(t.store, id)
      expect(await endOf(id)).toMatchObject({
        reason: 'dependency_failed',
        message: `Job first ${first.id} has ended as out_of_memory, not as completed.`,
      })
    })

    test('of several the last one counts, and one in vain is enough', async () => {
      const [a, b] = [await submit(t.store), await submit(t.store)]
      const [c, d] = [await submit(t.store), await submit(t.store)]
      const all = (...jobs: { id: string }[]) => ({
        after: jobs.map(({ id }) => ({ job: id, outcome: 'completed' as const })),
      })
      const [job, inVain] = [await submit(t.store, all(a, b)), await submit(t.store, all(c, d))]
      await finish(a.id)
      expect(await advance(t.store, job.id)).toEqual({ do: 'wait', until: null })
      await finish(b.id)
      await advance(t.store, job.id)
      expect((await jobOf(t.store, job.id)).attempt).toBe(1)
      await finish(c.id, 'stalled')
      await advance(t.store, inVain.id)
      expect((await endOf(inVain.id)).reason).toBe('dependency_failed')
    })

    test('what has ended already is not waited for; what can no longer come true, or is not there, is refused', async () => {
      const [well, ill] = [await submit(t.store), await submit(t.store)]
      await finish(well.id)
      await finish(ill.id, 'process_failed')
      const { id } = await submit(t.store, { after: [{ job: well.id, outcome: 'completed' }, { job: ill.id }] })
      await advance(t.store, id)
      expect((await jobOf(t.store, id)).attempt).toBe(1)
      const refused = await submit(t.store, behind(ill.id, 'completed')).catch((error: Failure) => error)
      expect(refused).toMatchObject({ code: 'state_conflict', message: expect.stringContaining('after[0].job: Job') })
      const unknown = await submit(t.store, behind('nobody')).catch((error: Failure) => error)
      expect(unknown).toMatchObject({ code: 'invalid_spec', problems: [{ path: 'after[0].job', value: 'nobody' }] })
    })

    test('the same key gives the same job, also when the other has failed since', async () => {
      const first = await submit(t.store)
      const { id } = await submit(t.store, behind(first.id, 'completed'), 'k')
      await finish(first.id, 'process_failed')
      expect((await submit(t.store, behind(first.id, 'completed'), 'k')).id).toBe(id)
    })

    test('it can be stopped while it waits', async () => {
      const first = await submit(t.store)
      const { id } = await submit(t.store, behind(first.id))
      await t.store.transact((tx) => requestStop(tx, id, { actor: 'test', force: false }))
      await advance(t.store, id)
      expect((await endOf(id)).reason).toBe('stopped')
    })

    test('an end that comes while the submit is being written is told to the new job', async () => {
      const first = await submit(t.store)
      let end: Promise<void> = Promise.resolve()
      const { job } = await t.store.transact(async (tx) => {
        const submission = { project: 'default', actor: 'test', spec: spec(behind(first.id)) }
        const written = await submitJob(tx, submission)
        end = finish(first.id)
        await Promise.race([end, pause(HELD)]) // where it can end now, it would be missed
        return written
      })
      await end
      expect((await jobOf(t.store, job.id)).version).toBe(2)
      expect((await look(t.store.read, job.id))?.after).toEqual({ open: 0, unmet: null })
    })
  })
}
