import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobView } from '../../../src/schema/view.js'
import { Anneal, build, until } from '../../support/anneal.js'

const OPTIONS = { trainingType: 'HPC', trainingFramwork: 'PyTorch', imageType: 'general', image: 'any:1', aidcId: 1 }
const hosted = (more: object = {}) => ({
  provider: 'alayanew' as const,
  providerOptions: { alayanew: { ...OPTIONS, ...more } },
})

/** Our provider for Alaya NeW against our facade for it, both in one real `anneal up`: signed one way, by a key the other. */
let anneal: Anneal
beforeAll(async () => {
  build()
  const gateway = {
    credentials: [
      { name: 'key', key: 'ALAYA_KEY', account: 'one' },
      { name: 'signer', accessKey: 'ak', secretKey: 'ALAYA_SK', account: 'one' },
    ],
    products: { P1: { name: 'one', gpus: 1, price: 1 } },
  }
  const secrets = { 'secrets/ALAYA_KEY': 'a-key', 'secrets/ALAYA_SK': 'a-secret' }
  anneal = await Anneal.start({
    devices: 2,
    files: { ...secrets, 'vendors/alayanew.yaml': JSON.stringify({ gateway }) },
  })
  const there = { baseUrl: anneal.gatewayUrl, pollEvery: '100ms' }
  const accounts = {
    default: { ...there, auth: 'hmac', accessKey: 'ak', secretKey: 'ALAYA_SK' },
    bearer: { ...there, pathPrefix: '', key: 'ALAYA_KEY' },
    wrong: { ...there, key: 'ALAYA_SK' },
  }
  writeFileSync(join(anneal.home, 'vendors/alayanew.yaml'), JSON.stringify({ gateway, accounts }))
})
afterAll(() => anneal?.remove())

/** The job of the facade that stands behind a hosted one: the newest one that is local and begins with its name. */
async function behind(job: JobView): Promise<JobView[]> {
  const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=100')).json as { jobs: JobView[] }
  return jobs.filter(({ id, name }) => id !== job.id && name.startsWith(`${job.name}-`))
}

describe('a job that goes out to Alaya NeW and comes back in', () => {
  test.concurrent('runs, with its environment, and every line of its log comes back', async () => {
    const command = 'i=0; while [ $i -lt 2500 ]; do echo "$WORD $i"; i=$((i+1)); done'
    const spec = { name: 'clean', command, env: { WORD: '行' }, ...hosted({ productCode: 'P1' }) }
    const { id } = await anneal.submit(spec)
    const job = await anneal.ended(id, 60_000)
    expect(job.outcome?.reason).toBe('completed')
    expect(await anneal.log(id)).toBe(Array.from({ length: 2500 }, (_, i) => `行 ${i}\n`).join(''))
    const [inner] = await behind(job)
    expect(inner).toMatchObject({ state: 'ended', priority: 50 })
    expect((await anneal.events(id)).map(({ type }) => type)).toContain('provider_status')
  })

  test.concurrent('fails there, is tried again as another job there, and says why', async () => {
    const retry = { maxAttempts: 2, backoff: { initial: '10ms' } }
    const { id } = await anneal.submit({
      name: 'fails',
      command: 'echo bad; exit 3',
      retry,
      ...hosted({ productCode: 'P1' }),
    })
    const job = await anneal.ended(id)
    expect(job.attempts.length).toBe(2)
    expect(job.outcome).toMatchObject({ reason: 'provider_failed', message: expect.stringContaining('exit code 3') })
    expect((await behind(job)).length).toBe(2)
    expect([await anneal.log(id, 1), await anneal.log(id, 2)]).toEqual(['bad\n', 'bad\n'])
  })

  test.concurrent('is refused for good by a wrong key, a product or a mount that is not there', async () => {
    const refused = async (options: object) => {
      const { id } = await anneal.submit({ name: 'refused', command: 'true', ...hosted(options) })
      return (await anneal.ended(id)).outcome
    }
    expect(await refused({ account: 'wrong' })).toMatchObject({
      reason: 'provider_rejected',
      message: expect.stringContaining('40006'),
    })
    expect(await refused({ productCode: 'P9' })).toMatchObject({
      reason: 'provider_rejected',
      message: 'There is no product P9; there are P1',
    })
    const storageConfigs = [{ storageId: 's', mountPath: '/data' }]
    expect(await refused({ productCode: 'P1', storageConfigs })).toMatchObject({
      reason: 'provider_rejected',
      message: expect.stringContaining('gateway.storages in vendors/alayanew.yaml'),
    })
    expect((await anneal.request('GET', '/api/v1/jobs?name=refused')).json).toMatchObject({ jobs: [{}, {}, {}] })
  })

  test('waits until a device is free, runs, and is stopped by a pause', async () => {
    const holder = await anneal.submit({ name: 'holder', command: 'sleep 1000', resources: { gpus: 2 } })
    await anneal.running(holder.id)
    const spec = {
      name: 'waits',
      command: 'echo begun; sleep 1000',
      ...hosted({ account: 'bearer', productCode: 'P1' }),
    }
    const { id } = await anneal.submit(spec)
    const waiting = await anneal.job(id, 'waiting', (job) => job.waitingFor === 'alayanew says Queuing')
    expect(waiting.state).toBe('pending')
    await anneal.stop(holder.id)
    await anneal.job(id, 'running', (job) => job.state === 'running')
    await until('its line', async () => (await anneal.log(id)) === 'begun\n')
    await anneal.stop(id)
    const job = await anneal.ended(id)
    expect(job.outcome?.reason).toBe('stopped')
    expect((await behind(job)).map(({ state, outcome }) => [state, outcome?.reason])).toEqual([['ended', 'stopped']])
    expect(await anneal.log(id)).toBe('begun\n')
  })

  test('outlives a crash of everything, and is not begun twice', async () => {
    const command = 'echo one; while [ ! -e "$FLAG" ]; do sleep 0.05; done; echo two'
    const flag = join(anneal.home, 'flag')
    const { id } = await anneal.submit({
      name: 'crash',
      command,
      env: { FLAG: flag },
      ...hosted({ productCode: 'P1' }),
    })
    await until('its first line', async () => (await anneal.log(id)) === 'one\n')
    await anneal.job(id, 'running', (job) => job.state === 'running')
    await anneal.killAll()
    await anneal.up({ devices: 2 })
    expect((await anneal.show(id)).state).toBe('running')
    writeFileSync(flag, '')
    const job = await anneal.ended(id, 60_000)
    expect(job.outcome?.reason).toBe('completed')
    expect(job.attempts.length).toBe(1)
    expect((await behind(job)).length).toBe(1)
    expect(await anneal.log(id)).toBe('one\ntwo\n')
  })
})
