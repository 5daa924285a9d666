import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FactBody } from '../../src/schema/agent.js'
import {
  blobsLeftOver,
  checkpointFrom,
  finishMove,
  forgetBlob,
  mayUpload,
  reportMove,
  uploadsWanted,
  wantMove,
} from '../../src/store/checkpoint-moves.js'
import type { AttemptRow, JobRow } from '../../src/store/database.js'
import { disconnected } from '../../src/store/hosts.js'
import type { Store } from '../../src/store/store.js'
import { advance } from '../support/advance.js'
import {
  attemptOf,
  connectHost,
  empty,
  exited,
  HOST,
  jobOf,
  launchNow,
  report,
  started,
  submit,
} from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const OTHER = 'host-2'
const SHA = 'a'.repeat(64)
const RETRY = { maxAttempts: 5, backoff: { initial: '1h', max: '1h' } }

function startedFrom(resumeAt: number | null): Extract<FactBody, { type: 'started' }> {
  const resumeFrom = resumeAt === null ? null : '/c'
  return { type: 'started', pid: 42, startTime: 1, bootId: 'boot-1', resumeFrom, resumeAt }
}

/** What the store keeps of checkpoints: lost work, their places, their way from host to host. */
export function checkpointConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let store: Store
    let drop: () => Promise<void>
    beforeEach(async () => {
      const made = await newStore()
      store = made.store
      drop = () => made.drop()
      await connectHost(store, 1)
    })
    afterEach(() => drop())

    /** An attempt that has run, with its times set as if it had run for ten minutes. */
    async function ran(jobId: string, from: number): Promise<AttemptRow> {
      const attempt = await launchNow(store, jobId)
      await report(store, attempt, { type: 'accepted', bootId: 'boot-1' }, startedFrom(null))
      await report(store, attempt, exited(1), empty)
      await set(attempt, { started_at: from, exited_at: from + 600_000 })
      await advance(store, jobId)
      return attemptOf(store, jobId, attempt.number)
    }

    function set(attempt: AttemptRow, values: Partial<AttemptRow>) {
      return store.transact(async (tx) => {
        await tx.q
          .updateTable('attempts')
          .set(values)
          .where('job_id', '=', attempt.job_id)
          .where('number', '=', attempt.number)
          .execute()
      })
    }

    async function goesOn(jobId: string, resumeAt: number | null): Promise<{ lostMs?: number }> {
      const attempt = await launchNow(store, jobId)
      await report(store, attempt, startedFrom(resumeAt))
      const events = await store.read
        .selectFrom('events')
        .selectAll()
        .where('job_id', '=', jobId)
        .orderBy('seq')
        .execute()
      return JSON.parse(events.findLast(({ type }) => type === 'started')?.data ?? '{}') as { lostMs?: number }
    }

    async function lost(jobId: string, number: number): Promise<number | null> {
      return (await attemptOf(store, jobId, number)).lost_ms
    }

    test('a recovery loses what ran after the commit of its checkpoint, and everything without one', async () => {
      const from = Date.now() - 10_000_000
      for (const [resumeAt, expected] of [
        [from + 228_000, 372_000],
        [null, 600_000],
        [from - 5_000, 600_000],
        [from + 900_000, 0],
      ] as const) {
        const { id } = await submit(store, { retry: RETRY })
        await ran(id, from)
        expect(await lost(id, 1)).toBeNull()
        expect(await goesOn(id, resumeAt)).toMatchObject({ lostMs: expected })
        expect(await lost(id, 1)).toBe(expected)
        await report(store, await attemptOf(store, id, 2), exited(0), empty)
        await advance(store, id)
      }
    })

    test('one that falls further back counts what earlier ones have not counted', async () => {
      const from = Date.now() - 10_000_000
      const { id } = await submit(store, { retry: RETRY })
      await ran(id, from)
      const second = await launchNow(store, id)
      await report(store, second, startedFrom(from + 500_000), exited(1), empty)
      await set(second, { started_at: from + 1_000_000, exited_at: from + 1_300_000 })
      await advance(store, id)
      expect(await lost(id, 1)).toBe(100_000)
      expect(await goesOn(id, from + 200_000)).toMatchObject({ lostMs: 600_000 })
      expect([await lost(id, 1), await lost(id, 2)]).toEqual([400_000, 300_000])
    })

    test('nothing is said of lost work where the agent did not note when its checkpoint was made', async () => {
      const { id } = await submit(store, { retry: RETRY })
      await ran(id, Date.now() - 10_000_000)
      const attempt = await launchNow(store, id)
      await report(store, attempt, { ...startedFrom(null), resumeFrom: '/c' })
      expect(await lost(id, 1)).toBeNull()
    })

    /** A job whose first attempt has left a checkpoint on HOST, and whose second has been given to OTHER. */
    async function moved(more: Parameters<typeof submit>[1] = {}): Promise<{ job: JobRow; attempt: AttemptRow }> {
      const { id } = await submit(store, { retry: RETRY, ...more })
      const first = await launchNow(store, id)
      await report(store, first, started, { type: 'checkpoint', path: '/ckpt/7', committedAt: 7 }, exited(1), empty)
      await advance(store, id)
      await store.transact((tx) => disconnected(tx, HOST))
      await connectHost(store, 1, { hostId: OTHER, name: OTHER })
      const attempt = await launchNow(store, id)
      expect(attempt.host_id).toBe(OTHER)
      await store.transact(async (tx) => {
        await tx.q.updateTable('hosts').set({ connected: 1 }).where('id', '=', HOST).execute()
      })
      return { job: await jobOf(store, id), attempt }
    }

    const want = (jobId: string, host = OTHER) => store.transact((tx) => wantMove(tx, host, { jobId, attempt: 2 }))

    test('a checkpoint follows its job: wanted, packed, ready, fetched, forgotten', async () => {
      const { job, attempt } = await moved()
      const key = { jobId: job.id, attempt: 2 }
      expect(await checkpointFrom(store.read, job, attempt)).toMatchObject({
        hostId: HOST,
        path: '/ckpt/7',
        committedAt: 7,
      })
      expect(await uploadsWanted(store.read, HOST)).toEqual([])
      expect(await want(job.id)).toEqual({ state: 'waiting' })
      expect(await uploadsWanted(store.read, HOST)).toEqual([{ ...key, checkpointsOf: job.id }])
      expect(await mayUpload(store.read, HOST, SHA)).toBe(false)
      await store.transact((tx) => reportMove(tx, HOST, key, { state: 'waiting', sha256: SHA }))
      expect([await mayUpload(store.read, HOST, SHA), await mayUpload(store.read, OTHER, SHA)]).toEqual([true, false])
      expect(await want(job.id)).toMatchObject({ state: 'waiting' })
      const commit = { path: 'c', at: 7, by: 'declared' as const, jobId: job.id, attempt: 1 }
      await store.transact((tx) => reportMove(tx, HOST, key, { state: 'ready', sha256: SHA, commit }))
      expect(await want(job.id)).toEqual({ state: 'ready', sha256: SHA, commit })
      expect(await uploadsWanted(store.read, HOST)).toEqual([])
      expect(await blobsLeftOver(store.read)).toEqual([])
      expect(await store.transact((tx) => finishMove(tx, OTHER, key))).toBe(SHA)
      expect(await blobsLeftOver(store.read)).toEqual([{ ...key, sha256: SHA }])
      await store.transact((tx) => forgetBlob(tx, key))
      expect(await blobsLeftOver(store.read)).toEqual([])
      await report(store, attempt, { type: 'checkpoint_moved', path: '/new/7', from: HOST, committedAt: 7 })
      expect(await checkpointFrom(store.read, job, attempt)).toBeNull()
    })

    test('only the two hosts of a move have a word in it', async () => {
      const { job } = await moved()
      await expect(want(job.id, HOST)).rejects.toMatchObject({ code: 'fenced' })
      await want(job.id)
      const key = { jobId: job.id, attempt: 2 }
      for (const act of [
        () => store.transact((tx) => reportMove(tx, OTHER, key, { state: 'none' })),
        () => store.transact((tx) => finishMove(tx, HOST, key)),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'fenced' })
      }
    })

    test.each([
      ['silent', { connected: 0, last_seen_at: 1_000 }, 'that host is silent since 1970-01-01T00:00:01.000Z'],
      ['removed', { admission: 'removed' as const }, 'that host has been removed'],
    ])('a host that is %s is not waited for', async (_, state, problem) => {
      const { job } = await moved()
      await want(job.id)
      await store.transact(async (tx) => {
        await tx.q.updateTable('hosts').set(state).where('id', '=', HOST).execute()
      })
      expect(await want(job.id)).toEqual({ state: 'none', problem })
      expect(await uploadsWanted(store.read, HOST)).toEqual([])
    })

    test('a host that has just lost its connection, or says that it packs, is waited for; ten silent minutes are enough', async () => {
      const { job } = await moved()
      await want(job.id)
      await store.transact((tx) => disconnected(tx, HOST))
      expect(await want(job.id)).toEqual({ state: 'waiting' })
      await store.transact(async (tx) => {
        await tx.q
          .updateTable('checkpoint_moves')
          .set({ updated_at: tx.now - 601_000 })
          .execute()
      })
      await store.transact((tx) => reportMove(tx, HOST, { jobId: job.id, attempt: 2 }, { state: 'waiting' }))
      expect(await want(job.id)).toEqual({ state: 'waiting' })
      await store.transact(async (tx) => {
        await tx.q
          .updateTable('checkpoint_moves')
          .set({ updated_at: tx.now - 601_000 })
          .execute()
      })
      expect(await want(job.id)).toMatchObject({ state: 'none', problem: expect.stringContaining('within 10 min') })
    })

    test('the blob of an attempt that is over is left over, and nothing is uploaded for it', async () => {
      const { job, attempt } = await moved()
      await want(job.id)
      const key = { jobId: job.id, attempt: 2 }
      await store.transact((tx) => reportMove(tx, HOST, key, { state: 'waiting', sha256: SHA }))
      await report(store, attempt, exited(1), empty)
      expect(await uploadsWanted(store.read, HOST)).toEqual([])
      expect(await blobsLeftOver(store.read)).toEqual([{ ...key, sha256: SHA }])
    })

    test('nothing is moved of a job whose checkpoints lie in a shared folder', async () => {
      const { job, attempt } = await moved({ checkpoints: { shared: '/nfs/ckpt' } })
      expect(await checkpointFrom(store.read, job, attempt)).toBeNull()
      expect(await want(job.id)).toMatchObject({ state: 'none' })
    })
  })
}
