import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Anneal, build, isAlive, until } from '../support/anneal.js'
import { startTemporal } from '../support/temporal.js'

/** How long Temporal is away. */
const OUTAGE = 120_000
const LINES = 1500
const COUNT = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done`

let anneal: Anneal
beforeAll(() => build())
afterEach(() => anneal?.remove())

test.each(['dead', 'hanging'] as const)(
  'with Temporal %s for two minutes a training goes on, stops are carried out, and jobs submitted meanwhile run; how they end is decided later',
  async (how) => {
    const temporal = await startTemporal()
    try {
      anneal = await Anneal.start({ devices: 2, env: { TEMPORAL_ADDRESS: temporal.address } })
      const running = await anneal.submit({ command: COUNT })
      const pid = (await anneal.running(running.id)).attempts[0]?.pid as number
      const unwanted = await anneal.submit({ command: 'sleep 1000' })
      await anneal.running(unwanted.id)

      if (how === 'dead') await temporal.kill()
      else process.kill(temporal.pid, 'SIGSTOP')
      const submitted = await anneal.submit({ command: 'echo later' }, 'later')
      const from = Date.now()
      await anneal.stop(unwanted.id)
      await until(
        'the stopped process to be gone',
        async () => (await anneal.show(unwanted.id)).attempts[0]?.endedAt,
        5_000,
      )
      console.info(`stop → gone with Temporal ${how}: ${Date.now() - from} ms`)
      const before = (await anneal.log(running.id)).length
      await pause(OUTAGE)
      expect((await anneal.log(running.id)).length).toBeGreaterThan(before + 1000)
      expect(await anneal.log(submitted.id), 'a device was free, so it has run').toBe('later\n')
      expect((await anneal.show(submitted.id)).outcome, 'its workflow decides that').toBeNull()

      if (how === 'dead') await temporal.restart()
      else process.kill(temporal.pid, 'SIGCONT')
      const back = Date.now()
      expect((await anneal.ended(submitted.id, 30_000)).outcome?.reason).toBe('completed')
      console.info(`back → the job submitted meanwhile has ended: ${Date.now() - back} ms`)
      expect((await anneal.ended(unwanted.id, 30_000)).outcome?.reason).toBe('stopped')
      expect(isAlive(pid)).toBe(true)
      const job = await anneal.ended(running.id, 120_000)
      expect(job).toMatchObject({ outcome: { reason: 'completed' }, attempts: [{ pid }] })
      expect(await anneal.log(running.id)).toBe(Array.from({ length: LINES }, (_, i) => `line ${i + 1}\n`).join(''))
    } finally {
      await temporal.stop()
    }
  },
  600_000,
)
