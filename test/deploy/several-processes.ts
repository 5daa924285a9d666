import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAlive, until } from '../support/anneal.js'
import { SECRETS, Stack, type Surroundings } from './stack.js'

const OURS = ['server', 'worker', 'host']

/** Counts lines until the file is there, and keeps in another what it has counted. */
const COUNTING =
  'n=0; while [ ! -e "$UNTIL" ]; do echo "line $n"; n=$((n + 1)); echo $n >"$COUNT"; sleep 0.02; done; echo "end $n"'

export interface Provided extends Surroundings {
  /** Throws Temporal's databases away and makes them anew, on the same address. Not every Temporal here can. */
  renewTemporal?(): Promise<void>
  stop(): Promise<void>
}

/** The tests of the several-machine form, against services of others that `provide` starts and ends. */
export function severalProcesses(provide: () => Promise<Provided>, canRenewTemporal = false): void {
  let surroundings: Provided
  let stack: Stack

  beforeAll(async () => {
    surroundings = await provide()
    stack = await Stack.create(surroundings)
    // All at once, as after a reboot: server and worker bring the same empty database up to date.
    for (const name of OURS) stack.start(name)
  }, 180_000)
  afterAll(async () => {
    await stack?.remove()
    await surroundings?.stop()
  })

  test('server, worker and host start by their command lines and pass their health checks', async () => {
    for (const name of OURS) await stack.healthy(name)
    expect(stack.health('server').said).toBe('takes submits; Temporal: ok')
  }, 90_000)

  test('a job that the admin submits runs on the host and completes with its log', async () => {
    const { id } = await stack.submit({ command: 'echo from "$ANNEAL_JOB_NAME"; env | grep -c TOKEN || true' })
    const job = await stack.ended(id)
    expect(job.outcome).toMatchObject({ reason: 'completed', exitCode: 0 })
    expect(await stack.log(id)).toBe('from job\n0\n')
  })

  test("the host's token does a host's work and nothing else", async () => {
    const answer = await stack.request('GET', '/api/v1/jobs', undefined, SECRETS.ANNEAL_HOST_TOKEN)
    expect(answer.status).toBe(403)
  })

  test('the admin makes a token for a further host, and withdraws it', async () => {
    const made = await stack.request('POST', '/api/v1/tokens', { role: 'host' })
    const { id, secret } = (await made.json()) as { id: string; secret: string }
    const status = async () => (await stack.request('GET', '/api/v1/jobs', undefined, secret)).status
    expect(await status()).toBe(403)
    expect((await stack.request('POST', `/api/v1/tokens/${id}/revoke`)).status).toBe(200)
    expect(await status()).toBe(401)
  })

  test('a job goes on, and its log stays whole, while the server is killed and the worker is restarted', async () => {
    const mark = join(tmpdir(), `anneal-mark-${process.pid}`)
    const count = () => Number(existsSync(`${mark}.count`) ? readFileSync(`${mark}.count`, 'utf8') : 0)
    const lines = async (id: string) => (await stack.log(id)).split('\n').length - 1
    const further = (what: string) => {
      const from = count()
      return until(what, () => count() > from + 20)
    }
    try {
      const { id } = await stack.submit({ command: COUNTING, env: { UNTIL: mark, COUNT: `${mark}.count` } })
      await until('its first lines', async () => (await lines(id)) > 5)
      const pid = (await stack.show(id)).attempts[0]?.pid as number

      await stack.end('server', 'SIGKILL')
      expect(stack.health('server').isWell).toBe(false)
      await further('lines without a server')
      const written = count()
      stack.start('server')
      await stack.healthy('server')
      await until('the lines of the meantime', async () => (await lines(id)) > written)

      await stack.end('worker', 'SIGTERM')
      await further('lines without a worker')
      writeFileSync(mark, '')
      await until('the end of its log', async () => (await stack.log(id)).includes('end '))
      await until('the end of the process', () => !isAlive(pid))
      expect((await stack.show(id)).state).not.toBe('ended')
      stack.start('worker')

      const job = await stack.ended(id)
      expect(job.outcome).toMatchObject({ reason: 'completed', exitCode: 0 })
      expect(job.attempts.map((attempt) => attempt.pid)).toEqual([pid])
      const counted = Array.from({ length: count() }, (_, n) => `line ${n}\n`).join('')
      expect(await stack.log(id)).toBe(`${counted}end ${count()}\n`)
      await stack.healthy('worker')
    } finally {
      rmSync(mark, { force: true })
      rmSync(`${mark}.count`, { force: true })
    }
  }, 120_000)

  test('a stop that is ordered while the only worker is away ends the training at once, and the job when the worker is back', async () => {
    const { id } = await stack.submit({ command: 'sleep 1000' })
    const pid = await until('its process', async () => (await stack.show(id)).attempts[0]?.pid)
    await stack.end('worker', 'SIGTERM')
    expect((await stack.request('POST', `/api/v1/jobs/${id}/stop`, {})).status).toBe(202)
    await until('the end of the process', () => !isAlive(pid))
    expect((await stack.show(id)).state).toBe('stopping')
    stack.start('worker')
    expect((await stack.ended(id)).outcome?.reason).toBe('stopped')
    await stack.healthy('worker')
  }, 90_000)

  if (canRenewTemporal)
    test('jobs in the queue and running jobs do not notice that Temporal lost its databases', async () => {
      const mark = join(tmpdir(), `anneal-mark-${process.pid}`)
      try {
        const command = `echo begun; while [ ! -e ${mark} ]; do sleep 0.05; done; echo done`
        const running = await Promise.all(
          Array.from({ length: await stack.devices() }, () => stack.submit({ command })),
        )
        const queued = await stack.submit({ command: 'echo next' })
        for (const { id } of running) await until('its first line', async () => (await stack.log(id)) === 'begun\n')
        await surroundings.renewTemporal?.()
        writeFileSync(mark, '')
        for (const { id } of [...running, queued]) {
          const { outcome, attempts } = await stack.ended(id, 90_000)
          expect(outcome?.reason).toBe('completed')
          expect(attempts).toHaveLength(1)
        }
        expect(await stack.log(queued.id)).toBe('next\n')
        for (const { id } of running) expect(await stack.log(id)).toBe('begun\ndone\n')
      } finally {
        rmSync(mark, { force: true })
      }
    }, 240_000)

  test('what our services write tells no secret', () => {
    for (const name of OURS)
      for (const secret of Object.values(SECRETS)) expect(stack.output(name)).not.toContain(secret)
  })
}
