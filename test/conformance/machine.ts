import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceTrouble } from '../../src/schema/agent.js'
import { settle } from '../../src/store/decisions.js'
import { noteTroubles } from '../../src/store/device-troubles.js'
import { desiredState } from '../../src/store/hosts.js'
import { listHosts } from '../../src/store/inventory.js'
import { quarantineDevices } from '../../src/store/ledger.js'
import { viewJob } from '../../src/store/queries.js'
import { attemptOf, begin, connectHost, empty, HOST, jobOf, launchNow, report, submit } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const busy: DeviceTrouble = { uuid: 'cpu-0', state: 'busy', note: 'used by pid 7' }

/** What every store keeps of what a host says of its machine. */
export function machineConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())

    const note = (...troubles: DeviceTrouble[]) => t.store.transact((tx) => noteTroubles(tx, HOST, troubles))
    const devices = async () => (await listHosts(t.store.read))[0]?.devices.map(({ state, note }) => [state, note])

    test('a device that somebody outside uses is given to nobody until its host says that it is free', async () => {
      await connectHost(t.store, 1)
      await note(busy)
      const job = await submit(t.store)
      await begin(t.store, job.id)
      expect((await attemptOf(t.store, job.id, 1)).granted_at).toBeNull()
      expect(await viewJob(t.store.read, await jobOf(t.store, job.id))).toMatchObject({
        standing: { reason: 'withheld' },
        waitingFor: expect.stringContaining('may not be used at present'),
      })
      expect(await devices()).toEqual([['busy', 'used by pid 7']])
      await note()
      expect((await attemptOf(t.store, job.id, 1)).granted_at).not.toBeNull()
      expect(await devices()).toEqual([['ok', null]])
    })

    test('who holds a device keeps it when somebody outside sits down on it, and nobody gets it afterwards', async () => {
      await connectHost(t.store, 1)
      const attempt = await launchNow(t.store, (await submit(t.store)).id)
      await note(busy)
      expect(await desiredState(t.store.read, HOST)).toMatchObject([{ wanted: 'run', devices: ['cpu-0'] }])
      await report(t.store, attempt, empty)
      const next = await submit(t.store)
      await begin(t.store, next.id)
      expect((await attemptOf(t.store, next.id, 1)).granted_at).toBeNull()
    })

    test('an attempt that its host would not start for that reason is followed by another one, uncharged', async () => {
      await connectHost(t.store, 2)
      const job = await submit(t.store)
      const attempt = await launchNow(t.store, job.id)
      const [uuid] = (await desiredState(t.store.read, HOST))[0]?.devices ?? []
      await note({ ...busy, uuid: uuid as string })
      const exit = { phase: 'setup' as const, code: null, deviceBusy: 'cpu-0 is used by pid 7.' }
      await report(t.store, attempt, { type: 'exited', exit }, empty)
      const outcome = { reason: 'device_busy' as const, message: exit.deviceBusy }
      const { version } = await jobOf(t.store, job.id)
      await t.store.transact((tx) => settle(tx, job.id, version, { outcome, retry: { until: 0, charge: false } }))
      const { charged } = await begin(t.store, job.id)
      expect(charged).toEqual({})
      expect((await desiredState(t.store.read, HOST))[0]).toMatchObject({ attempt: 2 })
      expect((await desiredState(t.store.read, HOST))[0]?.devices).not.toContain(uuid)
    })

    test('what is quarantined does not come back by a word on who uses it', async () => {
      await connectHost(t.store, 1)
      const attempt = await launchNow(t.store, (await submit(t.store)).id)
      await t.store.transact((tx) => quarantineDevices(tx, attempt.job_id, 1, 'stuck'))
      await note(busy)
      await note()
      expect(await devices()).toEqual([['quarantined', 'stuck']])
    })

    test('a host says which limits it enforces, and is told those of the job', async () => {
      await connectHost(t.store, 1, { enforces: { cpus: true, memory: false }, cpus: 8, memoryBytes: 1e9 })
      expect((await listHosts(t.store.read))[0]?.enforces).toEqual({ cpus: true, memory: false })
      await launchNow(t.store, (await submit(t.store, { resources: { cpus: 1.5, memory: '512MB' } })).id)
      expect(await desiredState(t.store.read, HOST)).toMatchObject([{ cpus: 1.5, memoryBytes: 512_000_000 }])
      await connectHost(t.store, 1) // an agent of before says nothing
      expect((await listHosts(t.store.read))[0]?.enforces).toEqual({ cpus: false, memory: false })
    })
  })
}
