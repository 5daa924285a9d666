import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ManifestFile } from '../../src/schema/artifact.js'
import { HOUR } from '../../src/schema/duration.js'
import { failureCode } from '../../src/schema/failure.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import { admitHost } from '../../src/store/admission.js'
import { findFile, listArtifacts } from '../../src/store/artifact-files.js'
import { listNames, moveTag, promote, showName } from '../../src/store/artifact-names.js'
import { failArtifacts, failLostArtifacts, isKept, keepArtifacts, setOf } from '../../src/store/artifacts.js'
import type { AttemptRow, JobRow } from '../../src/store/database.js'
import { applyFacts } from '../../src/store/facts.js'
import { sha256 } from '../../src/store/ids.js'
import { inputPage, inputsStanding, overdueInputs, releaseWaiting } from '../../src/store/job-inputs.js'
import { submitJob } from '../../src/store/jobs.js'
import { viewJob } from '../../src/store/queries.js'
import { listQueue } from '../../src/store/queue.js'
import { requestStop } from '../../src/store/stop.js'
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

const full = { ...empty, outputs: true } as const
const RETRY = { maxAttempts: 5, backoff: { initial: '1h', max: '1h' } }

function file(path: string, more: Partial<ManifestFile> = {}): ManifestFile {
  return { path, size: path.length, sha256: sha256(path), mode: 0o644, mtime: 1.5, note: null, ...more }
}

/** What every store keeps of outputs, their names and what jobs take of them, whatever database it stands on. */
export function artifactConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await connectHost(t.store, 1)
    })
    afterEach(() => t.drop())

    const setFor = async ({ job_id: jobId, number: attempt, fence, host_id }: AttemptRow) =>
      (await setOf(t.store, host_id, { jobId, attempt, fence })).set
    const keep = async (attempt: AttemptRow, paths: readonly string[]) =>
      keepArtifacts(t.store, await setFor(attempt), { files: paths.map((path) => file(path)), cut: [] })
    /** Runs the next attempt of a job to its end. */
    const ends = async (jobId: string, code = 0, last: typeof empty = full) => {
      const attempt = await launchNow(t.store, jobId)
      await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started, exited(code), last)
      await advance(t.store, jobId)
      return attemptOf(t.store, jobId, attempt.number)
    }
    const made = async (paths: readonly string[], more: Partial<JobSpecInput> = {}) => {
      const { id } = await submit(t.store, more)
      const attempt = await ends(id)
      await keep(attempt, paths)
      return attempt
    }
    const list = async (jobId: string, query = {}) => listArtifacts(t.store.read, await jobOf(t.store, jobId), query)
    const paths = async (jobId: string, query = {}) => (await list(jobId, query)).entries.map(({ path }) => path)
    const stateOf = async (jobId: string) => (await jobOf(t.store, jobId)).artifacts_state
    const eventsOf = async (jobId: string, type: string) => {
      const rows = t.store.read.selectFrom('events').selectAll().where('job_id', '=', jobId)
      return (await rows.where('type', '=', type).execute()).map(({ data }) => JSON.parse(data))
    }
    const held = () => t.store.read.selectFrom('allocation_devices').selectAll().where('held', '=', 1).execute()

    test('a job ends and gives its devices back at once, and its outputs are kept when they have come', async () => {
      const { id } = await submit(t.store)
      const attempt = await ends(id)
      expect(await jobOf(t.store, id)).toMatchObject({ state: 'ended', artifacts_state: 'uploading' })
      expect(await held()).toEqual([])
      await t.store.transact(async (tx) => {
        const left = {
          job_id: id,
          attempt: 1,
          rank: 0,
          path: 'half',
          size: 1,
          sha256: null,
          mode: 0,
          mtime: 0,
          note: null,
        }
        await tx.q.insertInto('artifact_files').values(left).execute()
      })
      expect(await list(id)).toMatchObject({ state: 'uploading', entries: [] })
      const files = [file('b/two'), file('a'), file('pipe', { sha256: null, note: 'is a pipe', size: 0 })]
      await keepArtifacts(t.store, await setFor(attempt), { files, cut: ['some more'] })
      expect(await list(id)).toMatchObject({ state: 'kept', files: 2, bytes: 6, leftOut: 1, cut: ['some more'] })
      expect(await paths(id)).toEqual(['a', 'b/two', 'pipe'])
      expect(await stateOf(id)).toBe('kept')
      expect(await eventsOf(id, 'artifacts_kept')).toEqual([{ files: 2, bytes: 6, leftOut: 1, cut: ['some more'] }])
      const place = { jobId: id, attempt: 1 }
      expect(await findFile(t.store.read, { ...place, path: 'a' })).toMatchObject({ sha256: sha256('a') })
      await expect(findFile(t.store.read, { ...place, path: 'pipe' })).rejects.toThrow('was not kept: is a pipe')
      await expect(findFile(t.store.read, { ...place, path: 'b' })).rejects.toThrow('not among its outputs')
      expect([await isKept(t.store.read, sha256('a')), await isKept(t.store.read, sha256('x'))]).toEqual([true, false])
    })

    test('a job without outputs has no trace of them', async () => {
      const { id } = await submit(t.store)
      await ends(id, 0, empty)
      expect(await stateOf(id)).toBe(null)
      expect(await t.store.read.selectFrom('artifact_sets').selectAll().execute()).toEqual([])
    })

    test('a manifest that comes twice counts once, and of two at once none is mixed with the other', async () => {
      const attempt = await ends((await submit(t.store)).id)
      const set = await setFor(attempt)
      const many = (prefix: string) => Array.from({ length: 1200 }, (_, i) => file(`${prefix}${i}`))
      const at = (prefix: string) => keepArtifacts(t.store, set, { files: many(prefix), cut: [] })
      const ended = await Promise.allSettled([at('a'), at('b')])
      const failed = ended.filter((end) => end.status === 'rejected')
      expect(failed.map((end) => failureCode(end.reason))).toEqual(['state_conflict'])
      const found = await paths(attempt.job_id)
      expect(found).toHaveLength(1200)
      expect(new Set(found.map((path) => path[0])).size).toBe(1)
      await keep(attempt, ['again'])
      expect(await paths(attempt.job_id)).toEqual(found)
      expect(await eventsOf(attempt.job_id, 'artifacts_kept')).toHaveLength(1)
    })

    test('only the host that holds the attempt, with its number, hands outputs over', async () => {
      const { job_id: jobId, fence } = await ends((await submit(t.store)).id)
      for (const [host, more] of [
        ['other', {}],
        [null, {}],
        [HOST, { fence: fence + 1 }],
        [HOST, { attempt: 2 }],
      ] as const) {
        const handed = setOf(t.store, host, { jobId, attempt: 1, fence, ...more })
        await expect(handed.catch(failureCode)).resolves.toBe('fenced')
      }
    })

    test('each attempt has outputs of its own, and those of the last one are those of the job', async () => {
      const { id } = await submit(t.store, { retry: RETRY })
      const first = await ends(id, 1)
      await t.store.transact(async (tx) => {
        await tx.q.updateTable('jobs').set({ backoff_until: 0 }).where('id', '=', id).execute()
      })
      const second = await launchNow(t.store, id)
      expect(await stateOf(id)).toBe(null)
      await keep(first, ['of-first'])
      expect(await stateOf(id)).toBe(null)
      await report(t.store, second, started, exited(0), full)
      await keep(second, ['of-second'])
      expect(await paths(id)).toEqual(['of-second'])
      expect(await paths(id, { attempt: 1 })).toEqual(['of-first'])
      expect((await list(id)).attempts).toEqual([1, 2])
    })

    test('outputs of a host that is gone, or has lost them, are given up; if they come after all they are kept', async () => {
      const lost = await ends((await submit(t.store)).id)
      await failLostArtifacts(t.store)
      expect(await stateOf(lost.job_id)).toBe('uploading')
      await failLostArtifacts(t.store, Date.now() + HOUR + 1)
      expect(await list(lost.job_id)).toMatchObject({
        state: 'failed',
        problem: `${HOST} says nothing of them for an hour`,
      })
      await keep(lost, ['after all'])
      expect(await list(lost.job_id)).toMatchObject({ state: 'kept', problem: null, files: 1 })

      const gone = await ends((await submit(t.store)).id)
      await t.store.transact((tx) => admitHost(tx, HOST, 'remove'))
      await failLostArtifacts(t.store)
      expect(await stateOf(gone.job_id)).toBe('failed')
      expect(await eventsOf(gone.job_id, 'artifacts_failed')).toEqual([{ problem: `${HOST} has been removed` }])
    })

    test('of several hosts each hands over its own, and the job has them once the last has', async () => {
      await connectHost(t.store, 1, { hostId: 'second', name: 'second' })
      const { id } = await submit(t.store, { resources: { nodes: 2 } })
      const attempt = await launchNow(t.store, id)
      const ranks = await t.store.read
        .selectFrom('ranks')
        .selectAll()
        .where('job_id', '=', id)
        .orderBy('rank')
        .execute()
      for (const { host_id } of ranks) {
        const base = { jobId: id, attempt: 1, fence: attempt.fence, at: Date.now() }
        const facts = [started, exited(0), full].map((body, i) => ({ ...base, n: i + 1, body }))
        await t.store.transact((tx) => applyFacts(tx, host_id, facts))
      }
      await keep({ ...attempt, host_id: ranks[1]?.host_id as string }, ['w'])
      expect(await stateOf(id)).toBe('uploading')
      expect(await paths(id)).toEqual(['rank-1/w'])
      await keep({ ...attempt, host_id: ranks[0]?.host_id as string }, ['w'])
      expect(await stateOf(id)).toBe('kept')
      expect(await list(id)).toMatchObject({ files: 2, bytes: 2 })
      expect(await paths(id)).toEqual(['rank-1/w', 'w'])
    })

    test('a listing is in the order of the bytes, of one folder and nothing beside it, page by page', async () => {
      const all = ['B', 'a', 'a-b', 'a/b', 'a/z/1', 'a/é', 'a0', 'b', 'é']
      const { job_id: id } = await made(all.toReversed())
      expect(await paths(id)).toEqual(all)
      expect(await paths(id, { under: 'a' })).toEqual(['a', 'a/b', 'a/z/1', 'a/é'])
      const first = await list(id, { limit: 4 })
      expect(await paths(id, { limit: 40, after: first.next })).toEqual(all.slice(4))
      expect((await list(id, { limit: 40 })).next).toBe(null)
    })

    test('promotions at once are all kept as versions, and the last one has the tag', async () => {
      const { job_id: jobId } = await made(['adapter/w', 'adapter/x', 'other'])
      const place = { jobId, attempt: 1, path: 'adapter' }
      const as = { place, as: 'bot:prod', actor: 'me' }
      const numbers = [1, 2, 3, 4, 5, 6, 7, 8]
      const all = await Promise.all(numbers.map(() => t.store.transact((tx) => promote(tx, 'default', as))))
      expect(all.map(({ version }) => version).sort()).toEqual(numbers)
      const named = await showName(t.store.read, 'default', 'bot:prod')
      expect(named).toMatchObject({ current: { version: 8, files: 2, bytes: 18, jobId, path: 'adapter', by: 'me' } })
      expect(named.tags).toEqual([{ tag: 'prod', version: 8 }])
      await t.store.transact((tx) => moveTag(tx, 'default', { as: 'bot:prod', version: 1, actor: 'you' }))
      const moved = await showName(t.store.read, 'default', 'bot')
      expect(moved.tags).toEqual([{ tag: 'prod', version: 1 }])
      expect(moved.moves.map(({ version, by }) => `${version} ${by}`).sort()).toEqual(
        ['1 you', ...numbers.map((number) => `${number} me`)].sort(),
      )
      expect(moved.current).toBe(null)
      expect(await listNames(t.store.read, 'default')).toMatchObject([{ name: 'bot', versions: 8 }])
      expect(await listNames(t.store.read, 'other')).toEqual([])
      await expect(showName(t.store.read, 'other', 'bot').catch(failureCode)).resolves.toBe('not_found')
      await expect(showName(t.store.read, 'default', 'bot:test').catch(failureCode)).resolves.toBe('not_found')
      for (const wrong of ['bot@1', 'Bot:x', 'a:b:c', '']) {
        const promoted = t.store.transact((tx) => promote(tx, 'default', { ...as, as: wrong }))
        await expect(promoted.catch(failureCode)).resolves.toBe('invalid_request')
      }
    })

    test('what a name means at the submit holds for the job and for its retry, whatever it means later', async () => {
      const first = await made(['m/w'])
      const name = (path: string, jobId: string) =>
        t.store.transact((tx) =>
          promote(tx, 'default', { place: { jobId, attempt: 1, path }, as: 'm:prod', actor: 'me' }),
        )
      await name('m', first.job_id)
      const inputs = { base: { artifact: 'm:prod' } }
      const job = await submit(t.store, { inputs })
      const second = await made(['m/w', 'm/v'])
      await name('m', second.job_id)
      const own = (await viewJob(t.store.read, job)).inputs
      expect(own).toMatchObject([{ key: 'base', jobId: first.job_id, path: 'm', artifact: 'm@1', state: 'ready' }])
      const page = await inputPage(t.store.read, job.id, 'base')
      expect(page).toEqual({
        isFile: false,
        files: [{ path: 'w', size: 3, sha256: sha256('m/w'), mode: 0o644 }],
        next: null,
      })
      const again = { project: 'default', actor: 'me', spec: JSON.parse(job.spec), retryOf: job }
      const retry = (await t.store.transact((tx) => submitJob(tx, again))).job
      expect((await viewJob(t.store.read, retry)).inputs).toEqual(own)
      const newer = await submit(t.store, { inputs: { base: { artifact: 'm:prod', path: 'w' } } })
      expect((await viewJob(t.store.read, newer)).inputs).toMatchObject([{ artifact: 'm@2', path: 'm/w' }])
      expect(await inputPage(t.store.read, newer.id, 'base')).toMatchObject({ isFile: true, files: [{ path: '' }] })
    })

    /** A job that waits for `from`; it has begun its attempt. */
    const waiting = async (from: JobRow, path?: string) => {
      const job = await submit(t.store, { inputs: { x: { job: from.id, ...(path ? { path } : {}) } } })
      await advance(t.store, job.id)
      return job
    }
    const lookAt = async ({ id }: JobRow) => viewJob(t.store.read, await jobOf(t.store, id))

    test('who waits for a job has no place in the queue and no device until its outputs are kept', async () => {
      const from = await submit(t.store, { name: 'maker' })
      const job = await waiting(from)
      expect(await listQueue(t.store.read, 'default', 'default')).toEqual([])
      expect(await held()).toEqual([])
      expect((await lookAt(job)).waitingFor).toBe(`input x from job maker (${from.id}), which is queued`)
      const attempt = await ends(from.id)
      expect(await lookAt(job)).toMatchObject({ state: 'queued', inputs: [{ state: 'waiting' }] })
      expect((await lookAt(job)).waitingFor).toBe(`input x from job maker (${from.id}), which host ${HOST} uploads`)
      await keep(attempt, ['out'])
      expect(await lookAt(job)).toMatchObject({ state: 'pending', inputs: [{ state: 'ready', attempt: 1 }] })
      expect(await held()).toHaveLength(1)
    })

    test('it ends with the reason where nothing comes of what it waits for', async () => {
      const cases = [
        { path: undefined, code: 1, reason: 'has ended as process_failed' },
        { path: 'other', code: 0, reason: 'has put nothing at "other" in $ANNEAL_OUTPUT_DIR' },
      ]
      for (const { path, code, reason } of cases) {
        const from = await submit(t.store, { name: 'maker' })
        const job = await waiting(from, path)
        await keep(await ends(from.id, code), ['out'])
        await advance(t.store, job.id)
        const { outcome, state } = await lookAt(job)
        expect({ state, reason: outcome?.reason }).toEqual({ state: 'ended', reason: 'setup_failed' })
        expect(outcome?.message).toContain(reason)
        expect(await held()).toEqual([])
      }
      const from = await submit(t.store, { name: 'maker' })
      const job = await waiting(from)
      const { job_id: jobId } = await ends(from.id)
      await t.store.transact((tx) => failArtifacts(tx, { jobId, attempt: 1, rank: 0 }, 'gone'))
      await advance(t.store, job.id)
      expect((await lookAt(job)).outcome?.message).toBe(
        `Input x: the outputs of job maker (${from.id}) could not be kept.`,
      )
    })

    test('one that waits can be stopped, and an end that two transactions missed is found by the sweep', async () => {
      const from = await submit(t.store)
      const [stopped, missed] = [await waiting(from), await waiting(from)]
      await t.store.transact((tx) => requestStop(tx, stopped.id, { actor: 'me', force: false }))
      await advance(t.store, stopped.id)
      expect((await lookAt(stopped)).outcome?.reason).toBe('stopped')
      expect(await overdueInputs(t.store.read)).toEqual([])
      await keep(await ends(from.id), ['out'])
      const again = { state: 'waiting' as const, from_attempt: null }
      await t.store.transact(async (tx) => {
        await tx.q.updateTable('job_inputs').set(again).where('job_id', '=', missed.id).execute()
      })
      expect(await overdueInputs(t.store.read)).toEqual([from.id])
      await t.store.transact((tx) => releaseWaiting(tx, from.id))
      expect(await inputsStanding(t.store.read, missed.id)).toEqual({ waits: false, failed: undefined })
    })

    test('inputs that cannot be had are refused at the submit, each by its name', async () => {
      const done = await made(['a/b'])
      const plain = await submit(t.store, { name: 'plain' })
      await ends(plain.id, 0, empty)
      const inputs = {
        a: { job: done.job_id, path: 'b' },
        b: { job: 'nobody' },
        c: { artifact: 'none:prod' },
        d: { job: plain.id },
        fine: { job: done.job_id, path: 'a/b' },
      }
      const refusal = await submit(t.store, { inputs }).catch((error) => error)
      expect(failureCode(refusal)).toBe('invalid_spec')
      expect(refusal.problems.map(({ path }: { path: string }) => path)).toEqual(
        ['a', 'b', 'c', 'd'].map((k) => `inputs.${k}`),
      )
      const hosted = submit(t.store, { provider: 'eas', inputs: { fine: inputs.fine } })
      await expect(hosted.catch(failureCode)).resolves.toBe('invalid_spec')
    })
  })
}
