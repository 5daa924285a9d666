import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY, HOUR } from '../../src/schema/duration.js'
import { failureCode } from '../../src/schema/failure.js'
import { JobSpec, type JobSpecInput } from '../../src/schema/job.js'
import { findFile, listArtifacts } from '../../src/store/artifact-files.js'
import { moveTag, promote, removeName, showName } from '../../src/store/artifact-names.js'
import { removeExpired, removeOutputs } from '../../src/store/artifact-removal.js'
import { type Keeping, keepArtifacts, setOf } from '../../src/store/artifacts.js'
import { GARBAGE_AFTER, keepWorkdir, removeGarbage, rescueBlobs } from '../../src/store/blob-garbage.js'
import { BlobFolder } from '../../src/store/blobs.js'
import type { AttemptRow } from '../../src/store/database.js'
import { sha256 } from '../../src/store/ids.js'
import { submitJob } from '../../src/store/jobs.js'
import type { Tx } from '../../src/store/store.js'
import { advance } from '../support/advance.js'
import { until } from '../support/anneal.js'
import { attemptOf, connectHost, empty, exited, jobOf, launchNow, report, started, submit } from '../support/jobs.js'
import { finish, jobOfStep, lookOn, standings, submitSteps } from '../support/pipelines.js'
import type { TestStore } from '../support/stores.js'

const by = { actor: 'user:1' }
/** A moment at which all that lies on the list of garbage has lain there for long enough. */
const later = () => Date.now() + GARBAGE_AFTER + 1

/** What every store promises when outputs are removed, whatever database it stands on; the blobs are files. */
export function artifactRemovalConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    let blobs: BlobFolder
    let folder: string
    beforeEach(async () => {
      t = await newStore()
      folder = mkdtempSync(join(tmpdir(), 'anneal-blobs-'))
      blobs = new BlobFolder(folder)
      await connectHost(t.store, 4)
    })
    afterEach(async () => {
      await t.drop()
      rmSync(folder, { recursive: true })
    })

    const upload = (text: string) => blobs.put(sha256(text), [Buffer.from(text)] as never, { maxBytes: 1e6 })
    const isThere = (text: string) => existsSync(join(folder, sha256(text).slice(0, 2), sha256(text)))
    const missing = async (hashes: readonly string[]) => {
      const there = await Promise.all(hashes.map((hash) => blobs.has(hash)))
      return hashes.filter((_, i) => !there[i])
    }
    const setFor = async ({ job_id: jobId, number: attempt, fence, host_id }: AttemptRow) =>
      (await setOf(t.store, host_id, { jobId, attempt, fence })).set
    /** Files by their path, whose bytes are the words given. */
    const hand = async (attempt: AttemptRow, files: Record<string, string>, keeping: Keeping = {}) => {
      const list = Object.entries(files).map(([path, text]) => ({
        ...{ path, size: text.length, sha256: sha256(text), mode: 0o644, mtime: 1, note: null },
      }))
      await keepArtifacts(t.store, await setFor(attempt), { files: list, cut: [] }, { missing, ...keeping })
    }
    const ended = async (more: Partial<JobSpecInput> = {}) => {
      const { id } = await submit(t.store, more)
      const attempt = await launchNow(t.store, id)
      await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started, exited(0), {
        ...empty,
        outputs: true,
      } as never)
      await advance(t.store, id)
      return attemptOf(t.store, id, attempt.number)
    }
    const made = async (files: Record<string, string>, more: Partial<JobSpecInput> = {}, keeping: Keeping = {}) => {
      const attempt = await ended(more)
      for (const text of Object.values(files)) await upload(text)
      await hand(attempt, files, keeping)
      return attempt.job_id
    }
    const remove = (jobId: string, path = '', force = false) =>
      t.store.transact((tx) => removeOutputs(tx, { jobId, attempt: 1, path }, { ...by, force }))
    const name = (jobId: string, path: string, as: string) =>
      t.store.transact((tx) => promote(tx, 'default', { place: { jobId, attempt: 1, path }, as, actor: 'user:1' }))
    const unname = (text: string) => t.store.transact((tx) => removeName(tx, 'default', text, 'user:1'))
    const collect = () => removeGarbage({ store: t.store, blobs }, later())
    const refusal = (call: Promise<unknown>) =>
      call.then(
        () => 'taken' as never,
        (error) => error,
      )
    const list = async (jobId: string) => listArtifacts(t.store.read, await jobOf(t.store, jobId), {})

    test('what is removed is listed as removed, by whom, and its bytes go later, unless another file has the same', async () => {
      const job = await made({ a: 'alone', 'b/c': 'shared', d: 'stays' })
      const other = await made({ x: 'shared' })
      expect(await remove(job, 'b')).toEqual({ files: 1, bytes: 6 })
      expect(await remove(job, 'a')).toEqual({ files: 1, bytes: 5 })
      const { entries, files, bytes } = await list(job)
      expect({ files, bytes }).toEqual({ files: 1, bytes: 5 })
      expect(entries.map(({ path, sha256: hash }) => [path, hash !== null])).toEqual([
        ['a', false],
        ['b/c', false],
        ['d', true],
      ])
      expect(entries[0]?.note).toMatch(/^removed by user:1, 20/)
      const gone = findFile(t.store.read, { jobId: job, attempt: 1, path: 'a' })
      await expect(gone).rejects.toThrow(/"a" .* was not kept: removed by user:1/)
      expect(await removeGarbage({ store: t.store, blobs }), 'who relies on it has time to say so').toBe(0)
      expect(isThere('alone')).toBe(true)
      expect(await collect()).toBe(1)
      expect([isThere('alone'), isThere('shared'), isThere('stays')]).toEqual([false, true, true])
      expect(failureCode(await refusal(remove(job, 'a')))).toBe('not_found')
      await remove(other)
      await collect()
      expect(isThere('shared')).toBe(false)
    })

    test('what has a name is not removed, nor anything around or in it; without its name it is', async () => {
      const job = await made({ 'm/weights': 'w', log: 'l' })
      await name(job, 'm', 'bot:prod')
      for (const path of ['', 'm', 'm/weights']) {
        const error = await refusal(remove(job, path))
        expect(error).toMatchObject({ code: 'state_conflict', message: expect.stringContaining('it is bot@1') })
      }
      await remove(job, 'log')
      await collect()
      expect(isThere('w')).toBe(true)
      await unname('bot:prod')
      await remove(job)
      await collect()
      expect(isThere('w')).toBe(false)
    })

    test('a tag is taken away, its version with the last tag; a version that a tag stands for is not; numbers do not come again', async () => {
      const job = await made({ m: 'w' })
      await name(job, 'm', 'bot:prod')
      await t.store.transact((tx) => moveTag(tx, 'default', { as: 'bot:best', version: 1, actor: 'user:1' }))
      expect(await refusal(unname('bot@1'))).toMatchObject({
        code: 'state_conflict',
        message: expect.stringContaining('bot:best and bot:prod'),
      })
      await unname('bot:prod')
      expect(await showName(t.store.read, 'default', 'bot')).toMatchObject({
        tags: [{ tag: 'best', version: 1 }],
        versions: [{ version: 1, removedAt: null }],
        moves: [{ tag: 'prod', version: 0, by: 'user:1' }, { tag: 'best' }, { tag: 'prod', version: 1 }],
      })
      expect(failureCode(await refusal(showName(t.store.read, 'default', 'bot:prod')))).toBe('not_found')
      await unname('bot:best')
      const { versions } = await showName(t.store.read, 'default', 'bot')
      expect(versions).toMatchObject([{ version: 1, removedAt: expect.any(String) }])
      expect(failureCode(await refusal(submit(t.store, { inputs: { m: { artifact: 'bot@1' } } })))).toBe('invalid_spec')
      expect((await name(job, 'm', 'bot:prod')).version).toBe(2)
      await t.store.transact((tx) => moveTag(tx, 'default', { as: 'bot:prod', version: 2, actor: 'user:1' }))
      expect(failureCode(await refusal(unname('bot@1')))).toBe('not_found')
    })

    test('what a job that waits or runs takes is not removed, and a retry is given the same or nothing', async () => {
      const job = await made({ 'm/a': 'a1', 'm/b': 'b1', n: 'n1' })
      const taker = await submit(t.store, { inputs: { m: { job, path: 'm' } } })
      expect(await refusal(remove(job, 'm/a'))).toMatchObject({
        message: expect.stringContaining(`input m of job job (${taker.id})`),
      })
      await remove(job, 'n')
      const attempt = await launchNow(t.store, taker.id)
      expect(failureCode(await refusal(remove(job)))).toBe('state_conflict')
      await report(t.store, attempt, started, exited(1), empty)
      await advance(t.store, taker.id)
      await remove(job, 'm/a')
      const before = await jobOf(t.store, taker.id)
      const again = t.store.transact((tx) =>
        submitJob(tx, { project: 'default', ...by, spec: JSON.parse(before.spec), retryOf: before }),
      )
      expect(await refusal(again)).toMatchObject({
        problems: [
          { path: 'inputs.m', message: `the outputs of job ${job}, which it was given before, have been removed` },
        ],
      })
      await remove(job, 'm')
      expect(await refusal(submit(t.store, { inputs: { m: { job } } }))).toMatchObject({
        problems: [{ message: expect.stringContaining('have been removed') }],
      })
    })

    test('the outputs of a job that has not ended, or are on their way, are not removed', async () => {
      const { id } = await submit(t.store)
      expect(await refusal(remove(id))).toMatchObject({ message: expect.stringContaining('it is queued') })
      const attempt = await ended()
      expect(await refusal(remove(attempt.job_id))).toMatchObject({ message: expect.stringContaining('on their way') })
    })

    test('what later steps of a pipeline may need is not removed; what later pipelines would take over only by force, and then it runs again', async () => {
      const steps = { a: { command: 'true', cache: true }, b: { command: 'true', needs: 'a' } }
      const first = await submitSteps(t.store, steps)
      await lookOn(t.store, first.id)
      const jobId = await jobOfStep(t.store, first.id, 'a')
      const attempt = await launchNow(t.store, jobId)
      await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started, exited(0), {
        ...empty,
        outputs: true,
      } as never)
      await advance(t.store, jobId)
      await upload('made')
      await hand(await attemptOf(t.store, jobId, 1), { m: 'made' })
      await lookOn(t.store, first.id)
      expect(await refusal(remove(jobId, '', true))).toMatchObject({
        message: expect.stringContaining('which goes on'),
      })
      await finish(t.store, first.id, 'b')
      await lookOn(t.store, first.id)
      const cached = await refusal(remove(jobId))
      expect(cached).toMatchObject({ code: 'state_conflict', next: expect.stringContaining('--force') })
      const second = await submitSteps(t.store, steps)
      await lookOn(t.store, second.id)
      expect(await standings(t.store, second.id)).toEqual(['a completed', 'b running'])
      await finish(t.store, second.id, 'b')
      await lookOn(t.store, second.id)
      await remove(jobId, '', true)
      const third = await submitSteps(t.store, steps)
      await lookOn(t.store, third.id)
      expect(await standings(t.store, third.id)).toEqual(['a running', 'b waiting'])
    })

    test('outputs go when their time is over, but for what is needed, which is looked at again a day later', async () => {
      const kept = { keepFor: HOUR }
      const [plain, named, forever] = [
        await made({ a: 'one', b: 'two' }, {}, kept),
        await made({ m: 'three', n: 'four' }, {}, kept),
        await made({ z: 'five' }),
      ]
      await name(named, 'm', 'bot:prod')
      expect(await removeExpired(t.store)).toBe(0)
      expect(await removeExpired(t.store, Date.now() + HOUR + 1)).toBe(2)
      await collect()
      expect(['one', 'two', 'three', 'four', 'five'].filter(isThere)).toEqual(['three', 'five'])
      expect((await list(plain)).entries[0]?.note).toMatch(/^removed when its time was over, /)
      expect((await list(named)).entries.map(({ sha256: hash }) => hash !== null)).toEqual([true, false])
      const events = await t.store.read
        .selectFrom('events')
        .selectAll()
        .where('type', '=', 'artifacts_removed')
        .execute()
      expect(events.map(({ job_id, data }) => [job_id, JSON.parse(data)])).toEqual([
        [plain, { path: '', files: 2, bytes: 6 }],
        [named, { path: '', files: 1, bytes: 4 }],
      ])
      await unname('bot:prod')
      expect(await removeExpired(t.store, Date.now() + 2 * HOUR), 'not each minute').toBe(0)
      expect(await removeExpired(t.store, Date.now() + DAY + 2 * HOUR)).toBe(1)
      await collect()
      expect([isThere('three'), isThere('five')]).toEqual([false, true])
      expect(forever).toBeDefined()
    })

    test('bytes that are also a packed folder of jobs, or that somebody is about to hand in, stay', async () => {
      const job = await made({ a: 'folder', b: 'asked' })
      await keepWorkdir(t.store, sha256('folder'))
      await remove(job)
      await rescueBlobs({ store: t.store }, [sha256('asked'), sha256('unknown')])
      expect(await collect()).toBe(0)
      expect([isThere('folder'), isThere('asked')]).toEqual([true, true])
    })

    /** Something that is held in the middle until it is let go. */
    const gate = () => {
      let letGo = () => {}
      let reached = () => {}
      const open = new Promise<void>((done) => {
        letGo = done
      })
      const isReached = new Promise<void>((done) => {
        reached = done
      })
      const hold = async () => {
        reached()
        await open
      }
      return { letGo, isReached, hold }
    }

    /** A transaction waits for another one, as it always does on SQLite; or it was over without. */
    const untilBehind = async (call: Promise<unknown>) => {
      if (t.store.dialect === 'sqlite') return
      let isOver = false
      void call.then(() => {
        isOver = true
      })
      await until('a transaction to wait', async () => {
        const waiting = sql<{ count: number }>`select count(*) as count from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        return isOver || Number((await waiting.execute(t.store.read)).rows[0]?.count) > 0
      })
    }

    test('outputs that are handed in while their bytes are being removed are not taken, and are sent again', async () => {
      const [first, second] = [await made({ a: 'same' }), await ended()]
      await remove(first)
      const { hold, isReached, letGo } = gate()
      const slow = Object.assign(Object.create(blobs) as BlobFolder, {
        has: (hash: string) => blobs.has(hash),
        remove: async (hash: string) => {
          await hold()
          await blobs.remove(hash)
        },
      })
      const removing = removeGarbage({ store: t.store, blobs: slow }, later())
      await isReached
      const handing = refusal(hand(second, { b: 'same' }))
      await untilBehind(handing)
      letGo()
      expect(await removing).toBe(1)
      expect(await handing).toMatchObject({ code: 'state_conflict', message: expect.stringContaining('are not there') })
      expect((await list(second.job_id)).state).toBe('uploading')
      await upload('same')
      await hand(second, { b: 'same' })
      expect(await collect()).toBe(0)
      expect(isThere('same')).toBe(true)
    })

    test('bytes whose outputs have been written down are not removed, also before these are kept', async () => {
      const [first, second] = [await made({ a: 'same' }), await ended()]
      await remove(first)
      let removed: number | undefined
      await hand(
        second,
        { b: 'same' },
        {
          missing: async (hashes) => {
            removed = await collect()
            return missing(hashes)
          },
        },
      )
      expect(removed).toBe(0)
      expect(isThere('same')).toBe(true)
      expect((await list(second.job_id)).state).toBe('kept')
    })

    test.each([
      [
        'a name is given',
        (job: string) => (tx: Tx) =>
          promote(tx, 'default', { place: { jobId: job, attempt: 1, path: '' }, as: 'x:y', actor: 'a' }),
      ],
      [
        'a job takes them',
        (job: string) => async (tx: Tx) => {
          const spec = { name: 'taker', command: 'true', inputs: { m: { job } } }
          await submitJob(tx, { project: 'default', ...by, spec: JobSpec.parse(spec) })
        },
      ],
    ])('of a removal and %s at once one comes first, and the other is refused', async (_, refer) => {
      for (const isRemovalFirst of [true, false]) {
        const job = await made({ a: `bytes ${isRemovalFirst}` })
        const removal = (tx: Tx) => removeOutputs(tx, { jobId: job, attempt: 1, path: '' }, by)
        const [one, other] = isRemovalFirst ? [removal, refer(job)] : [refer(job), removal]
        const { hold, isReached, letGo } = gate()
        const held = t.store.transact(async (tx) => {
          await one(tx)
          await hold()
        })
        await isReached
        const second = refusal(t.store.transact(async (tx) => void (await other(tx))))
        await untilBehind(second)
        letGo()
        await held
        expect(['state_conflict', 'not_found', 'invalid_spec']).toContain(failureCode(await second))
      }
    })
  })
}
