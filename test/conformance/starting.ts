import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pauseJob } from '../../src/store/adjust.js'
import { beginNewJobs } from '../../src/store/begin-new.js'
import { beginAttempt, beginFirst, look, settle } from '../../src/store/decisions.js'
import { desiredState } from '../../src/store/hosts.js'
import { submitJob } from '../../src/store/jobs.js'
import { listEvents } from '../../src/store/queries.js'
import { until } from '../support/anneal.js'
import {
  attemptOf,
  begin,
  connectHost,
  empty,
  exited,
  HOST,
  jobOf,
  launchNow,
  report,
  spec,
  started,
  submit,
} from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

/** What every store keeps of the way from a submit to the host, whatever database it stands on. */
export function startingConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())

    /** One job holds the only device, another one waits for it. */
    const holderAndNext = async (more: Parameters<typeof spec>[0] = {}) => {
      await connectHost(t.store, 1)
      const holder = await launchNow(t.store, (await submit(t.store)).id)
      const next = await submit(t.store, more)
      await begin(t.store, next.id)
      return { next, endHolder: () => report(t.store, holder, started, exited(0), empty) }
    }

    test('a grant is a launch: the host of the next job hears of it by the commit that frees the device', async () => {
      const { next, endHolder } = await holderAndNext()
      await endHolder()
      expect(await attemptOf(t.store, next.id, 1)).toMatchObject({ wanted: 'run', host_id: 'host-1' })
      expect((await jobOf(t.store, next.id)).state).toBe('pending')
    })

    test('the host of a fine-tune is told to run the recipe with it, after a setup of the recipe or of the job', async () => {
      await connectHost(t.store, 2)
      const finetune = { baseModel: 'm', dataset: { train: '/data/train.jsonl' } }
      const env = { A: 'b', ANNEAL_FINETUNE: 'x' }
      await launchNow(t.store, (await submit(t.store, { command: undefined, finetune, env })).id)
      await launchNow(t.store, (await submit(t.store, { command: undefined, finetune, setup: 'true' })).id)
      const command = 'exec python3 "$ANNEAL_RECIPES/finetune/main.py"'
      const setup = 'pip install -r "$ANNEAL_RECIPES/finetune/requirements.txt"'
      const ANNEAL_FINETUNE = JSON.stringify(finetune)
      expect(await desiredState(t.store.read, HOST)).toMatchObject([
        { command, setup, env: { A: 'b', ANNEAL_FINETUNE } },
        { command, setup: 'true', env: { ANNEAL_FINETUNE } },
      ])
    })

    test('a grant wakes nobody where no limit begins with it, and the workflow where one does', async () => {
      const isOwed = async (id: string) => {
        const { version, seen } = await jobOf(t.store, id)
        return version > seen
      }
      const plain = await holderAndNext()
      await plain.endHolder()
      expect(await isOwed(plain.next.id)).toBe(false)
      await report(t.store, await attemptOf(t.store, plain.next.id, 1), started, exited(0), empty)
      const limited = await holderAndNext({ timeouts: { run: '1h' } })
      await limited.endHolder()
      expect(await isOwed(limited.next.id)).toBe(true)
    })

    test('a job that is begun and launched with its submit owes its workflow nothing, whatever limits it has', async () => {
      await connectHost(t.store, 1)
      const job = await submit(t.store, { timeouts: { run: '1h', queue: '1h' } })
      await t.store.transact((tx) => beginFirst(tx, [job.id]))
      const { version, seen, state } = await jobOf(t.store, job.id)
      expect({ state, owed: version - seen }).toEqual({ state: 'pending', owed: 0 })
    })

    test('a queue limit that was decided on before the grant ends nothing after it', async () => {
      const { next, endHolder } = await holderAndNext({ timeouts: { queue: '1h' } })
      const before = await look(t.store.read, next.id)
      await endHolder()
      const outcome = { reason: 'queue_time_limit', message: 'too late' } as const
      await t.store.transact((tx) => settle(tx, next.id, before?.version as number, { outcome }))
      expect((await jobOf(t.store, next.id)).state).toBe('pending')
    })

    test('a job that is paused while it waits is not launched by a grant', async () => {
      const { next, endHolder } = await holderAndNext()
      await t.store.transact((tx) => pauseJob(tx, next.id, 'test'))
      await endHolder()
      expect((await attemptOf(t.store, next.id, 1)).wanted).toBe('none')
      expect((await jobOf(t.store, next.id)).version).toBeGreaterThan((await jobOf(t.store, next.id)).seen)
    })

    test('jobs stand in the queue in the order in which they were accepted, without any workflow', async () => {
      const stop = beginNewJobs(t.store, pino({ level: 'silent' }))
      const submission = { project: 'default', actor: 'test', spec: spec() }
      const accepted: string[] = []
      for (let i = 0; i < 20; i += 1) accepted.push((await t.store.transact((tx) => submitJob(tx, submission))).job.id)
      const queue = () => t.store.read.selectFrom('allocations').select('job_id').orderBy('requested_at').execute()
      await until('all to be in the queue', async () => (await queue()).length === 20)
      await connectHost(t.store, 3)
      const granted = await t.store.read.selectFrom('attempts').select('job_id').where('wanted', '=', 'run').execute()
      expect(granted.map((row) => row.job_id).sort()).toEqual(accepted.slice(0, 3).sort())
      stop()
    })

    test('a job that is begun by its workflow as well has one attempt', async () => {
      const stop = beginNewJobs(t.store, pino({ level: 'silent' }))
      const job = await submit(t.store)
      await t.store.transact((tx) => beginAttempt(tx, job.id, 1))
      await until('the job to be begun', async () => (await jobOf(t.store, job.id)).attempt > 0)
      await t.store.transact((tx) => beginAttempt(tx, job.id, 1))
      const types = (await listEvents(t.store.read, job.id, 0, 100)).map(({ type }) => type)
      expect(types).toEqual(['submitted', 'queued'])
      stop()
    })
  })
}
