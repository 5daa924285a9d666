import { setTimeout as pause } from 'node:timers/promises'
import { isAlive, times, until, wallClock } from './measure.mjs'

/**
 * From the stop's request to the process being gone, for one that ends at SIGTERM, and to its devices being given to the
 * job that waits behind it, as the store has noted it.
 */
export async function stopToGone(system, { rounds }) {
  const [gone, granted] = [[], []]
  const spec = { command: ['sleep', '300'], resources: { gpus: 2 } }
  let running = (await system.submit(spec)).id
  for (let i = 0; i < rounds; i += 1) {
    const pid = await system.started(running)
    const next = (await system.submit(spec)).id
    await until('the next one to stand in the queue', async () => (await system.show(next)).position === 1)
    const from = wallClock()
    const answer = system.stopJob(running)
    while (isAlive(pid)) await pause(1)
    gone.push(wallClock() - from)
    await answer
    const grantedAt = await until('its grant', async () => (await system.show(next)).attempts[0]?.grantedAt)
    granted.push(Date.parse(grantedAt) - from)
    running = next
  }
  await system.stopJob(running)
  await system.ended(running)
  return [
    times('stop → tree gone, for one that exits on TERM', gone, { p95: 50 }),
    times('stop → device granted again', granted, { p95: 250 }),
  ]
}
