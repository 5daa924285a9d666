import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Anneal, build, isAlive, until } from '../support/anneal.js'

let anneal: Anneal
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 2 })
})
afterAll(() => anneal?.remove())

const reasonOf = async (id: string) => (await anneal.ended(id)).outcome?.reason

describe('a stop', () => {
  test('of a job in the queue ends it at once and leaves its place to the next', async () => {
    const holders = [await anneal.submit({ command: 'sleep 300' }), await anneal.submit({ command: 'sleep 300' })]
    for (const { id } of holders) await anneal.running(id)
    const queued = await anneal.submit({ command: 'echo never' })
    const next = await anneal.submit({ command: 'echo next' })
    await anneal.job(next.id, 'second in the queue', (job) => job.position === 2)
    expect(await anneal.stop(queued.id)).toBe(202)
    expect(await reasonOf(queued.id)).toBe('stopped')
    expect((await anneal.show(next.id)).position).toBe(1)
    for (const { id } of holders) await anneal.stop(id)
    expect(await reasonOf(next.id)).toBe('completed')
    for (const { id } of holders) expect(await reasonOf(id)).toBe('stopped')
  })

  test('of a running job sends SIGTERM first, and its end is the stop', async () => {
    const { id } = await anneal.submit({
      command: 'trap "echo saved; exit 0" TERM; echo up; while true; do sleep 0.05; done',
    })
    const { attempts } = await anneal.running(id)
    await until('the process to be up', async () => (await anneal.log(id)).includes('up'))
    await anneal.stop(id)
    const job = await anneal.ended(id)
    expect(job.outcome).toMatchObject({ reason: 'stopped', exitCode: 0 })
    expect(await anneal.log(id)).toMatch(/^up\n.*saved\n$/s)
    expect(isAlive(attempts[0]?.pid as number)).toBe(false)
  })

  test('of a job in its setup ends the setup and never starts the training', async () => {
    const { id } = await anneal.submit({ setup: 'echo preparing; sleep 300', command: 'echo never' })
    await until('the setup to run', async () => (await anneal.log(id, 1, 'setup')).includes('preparing'))
    await anneal.stop(id)
    expect(await reasonOf(id)).toBe('stopped')
    expect(await anneal.log(id)).toBe('')
  })

  test('of a job between two attempts ends it without another', async () => {
    const { id } = await anneal.submit({
      command: 'exit 1',
      retry: { maxAttempts: 5, backoff: { initial: '1h', max: '1h' } },
    })
    await anneal.job(id, 'in backoff', (job) => job.state === 'backoff')
    await anneal.stop(id)
    const job = await anneal.ended(id)
    expect(job.outcome?.reason).toBe('stopped')
    expect(job.attempts).toHaveLength(1)
  })

  test('twice, and after the end, answers the same and changes nothing', async () => {
    const { id } = await anneal.submit({ command: 'sleep 300' })
    await anneal.running(id)
    expect([await anneal.stop(id), await anneal.stop(id)]).toEqual([202, 202])
    await anneal.ended(id)
    const before = await anneal.events(id)
    expect(await anneal.stop(id)).toBe(202)
    expect(await anneal.events(id)).toEqual(before)
  })

  test('kills a process that ignores SIGTERM after its grace', async () => {
    const { id } = await anneal.submit({
      command: 'trap "" TERM; echo up; while true; do sleep 0.05; done',
      timeouts: { grace: '1s' },
    })
    const pid = (await anneal.running(id)).attempts[0]?.pid as number
    await until('the process to be up', async () => (await anneal.log(id)).includes('up'))
    const from = Date.now()
    await anneal.stop(id)
    const job = await anneal.ended(id)
    expect(Date.now() - from).toBeGreaterThan(900)
    expect(job.outcome?.reason).toBe('stopped')
    expect(isAlive(pid)).toBe(false)
  })

  test('ends a grandchild with a session of its own and an empty environment, where containment promises it', async () => {
    const hosts = (await anneal.request('GET', '/api/v1/hosts')).json as { hosts: { containment: string }[] }
    const promised = hosts.hosts[0]?.containment !== 'best_effort'
    const { id } = await anneal.submit({
      command: 'setsid env -i sh -c "echo \\$\\$ > grandchild; exec sleep 300" & sleep 300',
    })
    await anneal.running(id)
    const file = `${anneal.runFolder(id)}/work/grandchild`
    const pid = Number(await until('the grandchild', () => readText(file)))
    await anneal.stop(id)
    await anneal.ended(id)
    if (promised) expect(isAlive(pid)).toBe(false)
    else process.kill(pid, 'SIGKILL')
  })
})

describe('limits', () => {
  test('the run limit stops the process with its grace', async () => {
    const { id } = await anneal.submit({ command: 'sleep 300', timeouts: { run: '300ms' } })
    expect(await reasonOf(id)).toBe('run_time_limit')
  })
  test('the queue limit ends a job that gets no device', async () => {
    const holder = await anneal.submit({ command: 'sleep 60', resources: { gpus: 2 } })
    await anneal.running(holder.id)
    const { id } = await anneal.submit({ command: 'true', timeouts: { queue: '300ms' } })
    expect(await reasonOf(id)).toBe('queue_time_limit')
    await anneal.stop(holder.id)
    expect(await reasonOf(holder.id)).toBe('stopped')
  })
  test('the total limit ends a job that waits for its next attempt', async () => {
    const { id } = await anneal.submit({
      command: 'exit 1',
      retry: { maxAttempts: 9, backoff: { initial: '1h' } },
      timeouts: { total: '1500ms' },
    })
    expect(await reasonOf(id)).toBe('total_time_limit')
  })
  test('the setup limit ends a setup that hangs', async () => {
    const { id } = await anneal.submit({ setup: 'sleep 300', command: 'true', timeouts: { setup: '300ms' } })
    expect(await reasonOf(id)).toBe('setup_failed')
  })
  test('the stall limit stops a process that says nothing', async () => {
    const { id } = await anneal.submit({ command: 'echo once; sleep 300', timeouts: { stall: '1s' } })
    expect(await reasonOf(id)).toBe('stalled')
  })
})

describe('ends', () => {
  test.each([
    ['a failing setup', { setup: 'exit 7', command: 'true' }, 'setup_failed', 7],
    ['a missing program', { command: ['/no/such/program'] }, 'process_failed', 127],
    ['a missing script', { command: 'python3 nosuch.py' }, 'process_failed', 2],
    ['an exit code of its own', { command: 'exit 42' }, 'process_failed', 42],
    [
      'a CUDA out of memory',
      { command: 'echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"; exit 1' },
      'out_of_memory',
      1,
    ],
    ['a secret that is not there', { command: 'true', secrets: ['NO_SUCH_SECRET'] }, 'setup_failed', undefined],
  ])('%s', async (_, spec, reason, exitCode) => {
    const { id } = await anneal.submit(spec)
    const job = await anneal.ended(id)
    expect(job.outcome).toMatchObject({ reason, ...(exitCode === undefined ? {} : { exitCode }) })
  })

  test('a retry of an ended job is a new job that inherits the checkpoints', async () => {
    const command =
      'if [ -n "$ANNEAL_RESUME_FROM" ]; then echo "from $(cat $ANNEAL_RESUME_FROM)"; else echo seven > $ANNEAL_CHECKPOINT_DIR/c; fi'
    const { id } = await anneal.submit({ name: 'again', command })
    await anneal.ended(id)
    const retried = (await anneal.request('POST', `/api/v1/jobs/${id}/retry`)).json as { id: string; retryOf: string }
    expect(retried.retryOf).toBe(id)
    await anneal.ended(retried.id)
    expect(await anneal.log(retried.id)).toBe('from seven\n')
  })
})

describe('logs', () => {
  const logOf = async (command: string) => {
    const { id } = await anneal.submit({ command })
    await anneal.ended(id)
    return anneal.log(id)
  }
  test('a line of 5 MB without an end, progress bars and a closed stdout are kept as written', async () => {
    expect(await logOf('head -c 5000000 /dev/zero | tr "\\0" x')).toBe('x'.repeat(5_000_000))
    expect(await logOf('printf "a\\rb\\rc"')).toBe('a\rb\rc')
    expect(await logOf('echo before; exec 1>&-; echo lost; echo after >&2')).toMatch(/^before\n.*after\n$/s)
  })

  test('every byte value comes back, in a range too', async () => {
    const { id } = await anneal.submit({
      command: ['python3', '-c', 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)'],
    })
    await anneal.ended(id)
    const token = readFileSync(`${anneal.home}/token`, 'utf8').trim()
    const get = async (range?: string) => {
      const response = await fetch(`${anneal.url}/api/v1/jobs/${id}/logs/1/0`, {
        headers: { authorization: `Bearer ${token}`, ...(range ? { range } : {}) },
      })
      return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) }
    }
    const all = Buffer.concat(Array.from({ length: 100 }, () => Buffer.from(Array.from({ length: 256 }, (_, i) => i))))
    expect((await get()).bytes.equals(all)).toBe(true)
    expect(await get('bytes=10-19')).toEqual({ status: 206, bytes: all.subarray(10, 20) })
    expect((await get('bytes=99999-')).status).toBe(416)
  })

  test('logs.maxBytes cuts with a mark', async () => {
    const { id } = await anneal.submit({ command: 'yes | head -c 100000', logs: { maxBytes: '1KB' } })
    await anneal.ended(id)
    const log = await anneal.log(id)
    expect(log.startsWith('y\n'.repeat(500))).toBe(true)
    expect(log).toMatch(/\[anneal: log cut at 1000 bytes/)
  })

  test('tty gives the process a terminal', async () => {
    const { id } = await anneal.submit({ command: 'test -t 1 && echo terminal', tty: true })
    expect((await anneal.ended(id)).outcome?.reason).toBe('completed')
    expect(await anneal.log(id)).toBe('terminal\r\n')
  })
})

describe('idempotency', () => {
  test('the same key fifty times at once is one job; with another body it is refused', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => anneal.submit({ command: 'true' }, 'fifty')))
    expect(new Set(answers.map((job) => job.id)).size).toBe(1)
    const other = await anneal.request(
      'POST',
      '/api/v1/jobs',
      { name: 'job', command: 'false' },
      { 'idempotency-key': 'fifty' },
    )
    expect(other).toMatchObject({ status: 422, json: { code: 'idempotency_conflict' } })
    expect(await reasonOf(answers[0]?.id as string)).toBe('completed')
    expect((await anneal.submit({ command: 'true' }, 'fifty')).id).toBe(answers[0]?.id)
  })
})

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
