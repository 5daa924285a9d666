import { Connection, Client as TemporalClient } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { workflowId } from '../../src/schema/contract.js'
import { Fleet, HOSTS, SERVERS, WORKERS } from './fleet.js'
import { Load } from './load.js'
import { query } from './stack.js'

export interface Around {
  /** An empty database. */
  postgresUrl: string
  temporal: string
  restartPostgres?: () => Promise<void>
  stop(): Promise<void>
}

/** Events of Temporal that a clean job may have (design §9). */
const CLEAN = 32

/**
 * Two servers, two workers, two hosts under load, and every process restarted in its turn. One story, told in tests: each
 * leaves the load running. The short form asks one of two to end and kills the other; the long form does both to each.
 */
export function rollingRestarts(provide: () => Promise<Around>, isShort = false): void {
  const asked = <T>(names: readonly T[]) => (isShort ? names.slice(0, 1) : names)
  const killed = isShort ? [SERVERS[1], WORKERS[1], HOSTS[1]] : [...SERVERS, ...WORKERS, ...HOSTS]

  let around: Around
  let fleet: Fleet
  let load: Load

  beforeAll(async () => {
    around = await provide()
    fleet = await Fleet.start(around)
    load = new Load(fleet)
    await load.start()
  }, 300_000)
  afterAll(async () => {
    await fleet?.remove()
    await around?.stop()
  })

  test.each(asked(SERVERS))(
    '%s is ended by SIGTERM and started again: no request fails, plain ones included',
    async (name) => {
      await fleet.process(name).end('SIGTERM')
      fleet.launch(name)
      await fleet.ready(name)
      await load.progress()
    },
    120_000,
  )

  test.each(asked(WORKERS))(
    '%s is ended by SIGTERM after its successor has started',
    async (name) => {
      const old = fleet.process(name)
      fleet.launch(name)
      await fleet.ready(name)
      await old.end('SIGTERM')
      await load.progress()
    },
    120_000,
  )

  test.each(asked(HOSTS))(
    '%s is ended by SIGTERM and started again, and its trainings go on',
    async (name) => {
      await fleet.process(name).end('SIGTERM')
      fleet.launch(name)
      await fleet.ready(name)
      await load.progress()
    },
    120_000,
  )

  test.each(killed)(
    '%s is killed and started again: no call of our client fails',
    async (name) => {
      load.leniency = 'broken' // a request on a killed server's connection is lost to a script, and nobody else
      await fleet.process(name).end('SIGKILL')
      fleet.launch(name)
      await fleet.ready(name)
      await load.progress()
      load.leniency = 'none'
    },
    120_000,
  )

  test('every connection to PostgreSQL is cut, twice: plain requests may be told `unavailable`, nothing is lost', async () => {
    load.leniency = 'unavailable'
    for (let i = 0; i < 2; i += 1) {
      const others = 'pid <> pg_backend_pid() and datname = current_database()'
      await query(around.postgresUrl, `select pg_terminate_backend(pid) from pg_stat_activity where ${others}`)
      await load.progress()
    }
    load.leniency = 'none'
  }, 240_000)

  test('PostgreSQL is restarted: the same', async ({ skip }) => {
    if (!around.restartPostgres) return skip('this one cannot be restarted')
    load.leniency = 'unavailable'
    await around.restartPostgres()
    await load.progress()
    load.leniency = 'none'
  }, 240_000)

  test('at the end every job has run once and ended right, and every log is whole at the store and at each follower', async () => {
    await load.end()
    expect(load.failures).toEqual([])
    expect(await load.flaws()).toEqual([])
    expect(load.completed.length).toBeGreaterThan(20)
    console.info(
      `${load.completed.length} jobs completed, ${load.stopped.length} stopped, ${load.requests} plain requests`,
    )
  }, 120_000)

  test('a clean job costs Temporal no more events than in quiet times', async () => {
    const connection = await Connection.connect({ address: around.temporal })
    try {
      const { workflow } = new TemporalClient({ connection })
      const lengths: number[] = []
      for (const id of [...load.completed, ...load.followed]) {
        lengths.push((await workflow.getHandle(workflowId(id)).describe()).historyLength)
      }
      lengths.sort((a, b) => a - b)
      console.info(`events: median ${lengths[Math.floor(lengths.length / 2)]}, most ${lengths.at(-1)}`)
      expect(lengths.at(-1)).toBeLessThanOrEqual(CLEAN)
    } finally {
      await connection.close()
    }
  })
}
