import { tmpdir } from 'node:os'
import { Client, type WorkflowHandle } from '@temporalio/client'
import { NativeConnection } from '@temporalio/worker'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createActivities } from '../../src/activities/index.js'
import { groupWorkflowId } from '../../src/schema/contract.js'
import { BlobFolder } from '../../src/store/blobs.js'
import { Nudger } from '../../src/temporal/nudger.js'
import { installRuntime, startWorkers } from '../../src/temporal/worker.js'
import { until } from '../support/anneal.js'
import { finish, job, standings, submitSteps, view } from '../support/pipelines.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'
import { startTemporal, type TestTemporal } from '../support/temporal.js'

const logger = pino({ level: 'silent' })
/** A history is long after so many events, so that a short pipeline goes on in several. */
const SHORT = ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=12']

describe('the workflow of a group, on a real Temporal', () => {
  let temporal: TestTemporal
  let connection: NativeConnection
  let client: Client
  let workers: Awaited<ReturnType<typeof startWorkers>>
  let t: TestStore
  let nudger: Nudger

  beforeAll(async () => {
    installRuntime(logger)
    temporal = await startTemporal({ args: SHORT })
  }, 120_000)
  afterAll(() => temporal.stop())
  beforeEach(async () => {
    t = await newSqliteStore()
    await begin()
  }, 120_000)
  afterEach(async () => {
    await end()
    await t.drop()
  })

  async function begin() {
    connection = await NativeConnection.connect({ address: temporal.address })
    client = new Client({ connection })
    const monitor = { watchRemote: async () => {} } as never
    const activities = createActivities({ store: t.store, blobs: new BlobFolder(tmpdir()) })
    workers = await startWorkers({ connection, namespace: 'default', activities, monitor, logger })
    nudger = new Nudger({ store: t.store, client, logger, eagerStart: false })
  }

  async function end() {
    nudger.close()
    await workers.close()
    await connection.close()
  }

  const reaches = (id: string, expected: string) =>
    until(`step to be ${expected}`, async () => (await standings(t.store, id)).includes(expected), 30_000)
  const handleOf = (id: string): WorkflowHandle => client.workflow.getHandle(groupWorkflowId(id))
  const CHAIN = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`s${i}`, i === 0 ? job : { ...job, needs: `s${i - 1}` }]),
  )

  test('goes on as a new execution when its history has grown, with no look lost and no step twice', async () => {
    const { id } = await submitSteps(t.store, CHAIN)
    for (let i = 0; i < 8; i += 1) {
      await reaches(id, `s${i} running`)
      await finish(t.store, id, `s${i}`)
    }
    await until('its end', async () => (await view(t.store, id)).state === 'ended', 30_000)
    const { raw, runId } = await handleOf(id).describe()
    expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(runId)
    expect((await view(t.store, id)).members.map(({ jobs }) => jobs)).toEqual(Array(8).fill(1))
  })

  test('ended by force it is made again, and goes on where the store is', async () => {
    const { id } = await submitSteps(t.store, { a: job, b: { ...job, needs: 'a' } })
    await reaches(id, 'a running')
    await handleOf(id).terminate('a test')
    await finish(t.store, id, 'a')
    await reaches(id, 'b running')
  })

  test('with the worker gone while a job ends, the next one looks', async () => {
    const { id } = await submitSteps(t.store, { a: job, b: { ...job, needs: 'a' } })
    await reaches(id, 'a running')
    await end()
    await finish(t.store, id, 'a')
    await begin()
    await reaches(id, 'b running')
  })

  test('a gate is answered by its limit with nobody there to nudge', async () => {
    const { id } = await submitSteps(t.store, {
      gate: { approve: { timeout: '500ms', onTimeout: 'approve' } },
      b: { ...job, needs: 'gate' },
    })
    await reaches(id, 'b running')
  })

  test('forty jobs that end together wake it a few times, not forty', async () => {
    const fan = { ...job, forEach: Array.from({ length: 40 }, (_, i) => i) }
    const { id } = await submitSteps(t.store, { a: fan })
    await until('all to run', async () => (await view(t.store, id)).steps.running === 40, 30_000)
    await Promise.all(Array.from({ length: 40 }, (_, i) => finish(t.store, id, `a.${i}`)))
    await until('its end', async () => (await view(t.store, id)).state === 'ended', 30_000)
    await handleOf(id).result()
    const { events } = await handleOf(id).fetchHistory()
    const signals = (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes)
    expect(signals.length).toBeGreaterThan(0)
    expect(signals.length).toBeLessThan(10)
  })
})
