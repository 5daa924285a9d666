import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Anneal, build, processesOf } from '../support/anneal.js'

let anneal: Anneal
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 4 })
})
afterAll(() => anneal?.remove())

test('two hundred short jobs on four devices never share one, and leave nothing behind', async () => {
  const locks = `${anneal.home}/locks`
  const command = [
    `mkdir -p ${locks}`,
    `mkdir ${locks}/$DEVICE || { echo "device $DEVICE is held twice"; exit 9; }`,
    'sleep 0.01',
    `rmdir ${locks}/$DEVICE`,
  ].join('\n')
  const withDevice = `DEVICE=$ANNEAL_DEVICES; ${command}`
  const jobs = await Promise.all(Array.from({ length: 200 }, () => anneal.submit({ command: withDevice })))
  for (const { id } of jobs) expect(await anneal.ended(id, 120_000)).toMatchObject({ outcome: { reason: 'completed' } })
  expect(readdirSync(locks)).toEqual([])
  const pools = (await anneal.request('GET', '/api/v1/pools')).json as { pools: { free: number; waiting: number }[] }
  expect(pools.pools).toMatchObject([{ free: 4, waiting: 0 }])
  expect(processesOf(anneal.home)).toEqual([])
}, 180_000)
