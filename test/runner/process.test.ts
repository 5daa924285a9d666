import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  assignment,
  DEVICES,
  ended,
  newHome,
  newHost,
  newMachine,
  newServer,
  started,
  until,
} from './host-under-test.js'
import type { StandIn } from './stand-in.js'

describe('what the process gets', () => {
  it('is the environment of its job and nothing of the agent, with its devices by UUID', async () => {
    const server = await newServer()
    const gpu = { index: 0, kind: 'gpu', uuid: 'GPU-1234', model: 'H200', memoryBytes: 1 } as const
    const env = { ...process.env, AGENT_ONLY: 'x', ANNEAL_SECRET_OTHER: 'hidden', HTTPS_PROXY: 'http://proxy:1' }
    const home = newHome()
    await newHost(server, home, { env, devices: [...DEVICES, gpu] })
    const job = assignment('env; pwd', { env: { LR: '0.1', ANNEAL_ATTEMPT: '99' }, devices: ['GPU-1234'] })
    const text = await outputOf(server, job)
    const run = join(home, 'runs', job.jobId, '1')
    for (const line of [
      'LR=0.1',
      'ANNEAL_ATTEMPT=1',
      `ANNEAL_JOB_ID=${job.jobId}`,
      `ANNEAL_CHECKPOINT_DIR=${join(home, 'runs', job.jobId, 'checkpoints')}`,
      `ANNEAL_OUTPUT_DIR=${join(run, 'output')}`,
      `ANNEAL_METRICS_FILE=${join(run, 'metrics.jsonl')}`,
      `ANNEAL_RECIPES=${resolve('recipes')}`,
      'PYTHONUNBUFFERED=1',
      'CUDA_VISIBLE_DEVICES=GPU-1234',
      'HTTPS_PROXY=http://proxy:1',
      `PATH=${process.env.PATH}`,
      join(run, 'work'),
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).not.toMatch(/AGENT_ONLY|OTHER|hidden|RESUME_FROM|PYTHONUSERBASE/)
  })

  it('are the arguments exactly as they were given', async () => {
    const { server } = await newMachine()
    const job = assignment(['printf', '[%s]', 'a b', '$HOME', '', '*', "it's", '-n', 'zwei\nZeilen'])
    expect(await outputOf(server, job)).toBe("[a b][$HOME][][*][it's][-n][zwei\nZeilen]")
  })

  it('is a terminal where it is asked for, with the exit code of the program', async () => {
    const { server } = await newMachine()
    const job = assignment(['sh', '-c', 'test -t 1 && echo "a terminal"; exit 5'], { tty: true })
    expect(await outputOf(server, job)).toBe('a terminal\r\n')
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 5 })
  })

  it('holds the values of secrets, which no file of the run does', async () => {
    const server = await newServer()
    const home = newHome()
    mkdirSync(join(home, 'secrets'))
    writeFileSync(join(home, 'secrets', 'FROM_FILE'), 'file-value-123\n', { mode: 0o600 })
    await newHost(server, home, { env: { ...process.env, ANNEAL_SECRET_FROM_ENV: 'env-value-456' } })
    const job = assignment('printenv FROM_FILE FROM_ENV | wc -c; sleep 1000', { secrets: ['FROM_FILE', 'FROM_ENV'] })
    server.want(job)
    await until('it has written', () => server.log(job).toString() === '29\n')
    const files = spawnSync('grep', ['-rlE', 'file-value-123|env-value-456', join(home, 'runs')])
    expect(files.stdout.toString()).toBe('')
    server.stop(job)
    await ended(server, job)
  })
})

describe('what comes of a process', () => {
  it.each([0, 1, 7, 126, 127, 137, 255])('is its exit code %i as it is', async (code) => {
    const { server } = await newMachine()
    const job = assignment(`exit ${code}`)
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code })
  })

  it('is 127 with a word in the log when there is no such program', async () => {
    const { server } = await newMachine()
    const job = assignment(['no-such-program', 'x'])
    expect(await outputOf(server, job)).toContain('no-such-program')
    const diagnosis = { cause: 'not_runnable', line: expect.stringContaining('no-such-program') }
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 127, diagnosis })
  })

  it('is 128 + the signal that ended it from outside', async () => {
    const { server } = await newMachine()
    const job = assignment('kill -SEGV $$')
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 139 })
  })

  it('are its bytes as they are: zeros, broken UTF-8, a line of 5 MB without an end', async () => {
    const { server } = await newMachine()
    const program = `
import sys
out = sys.stdout.buffer
out.write(bytes(range(256)) * 64)
out.write(b"\\xff\\xfe\\x00\\r\\n")
out.write(b"x" * 5_000_000)
out.flush()`
    const job = assignment(['python3', '-c', program])
    server.want(job)
    expect(await ended(server, job)).toMatchObject({ code: 0 })
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const expected = Buffer.concat([
      ...Array(64).fill(all),
      Buffer.from([0xff, 0xfe, 0, 13, 10]),
      Buffer.alloc(5_000_000, 'x'),
    ])
    await until('all bytes are there', () => server.log(job).length >= expected.length)
    expect(server.log(job).equals(expected)).toBe(true)
  })

  it('is watched on after it has closed its output', async () => {
    const { server, home } = await newMachine()
    const go = join(home, 'go')
    const job = assignment(`echo before; exec >&- 2>&-; while [ ! -e ${go} ]; do sleep 0.01; done; exit 11`)
    server.want(job)
    await until('it has written', () => server.log(job).length > 0)
    expect(server.fact(job, 'exited')).toBeUndefined()
    writeFileSync(go, '')
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 11 })
  })

  it('is called out of memory when its log says so and it failed', async () => {
    const { server } = await newMachine()
    const said = 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB'
    const failed = assignment(`echo "${said}"; echo trailer; exit 1`)
    const survived = assignment(`echo "${said}"; exit 0`)
    const full = assignment(`echo "OSError: [Errno 28] No space left on device" >&2; exit 1`)
    for (const job of [failed, survived, full]) server.want(job)
    expect(await ended(server, failed)).toEqual({ phase: 'run', code: 1, outOfMemory: said })
    expect(await ended(server, survived)).toEqual({ phase: 'run', code: 0 })
    expect(await ended(server, full)).toEqual({ phase: 'run', code: 1, diskFull: true })
  })
})

describe('while it runs', () => {
  it('its run limit stands in a file that its wrapper reads, and follows the server', async () => {
    const { server, home } = await newMachine()
    const job = assignment('sleep 1000', { runLimitMs: 60_000 })
    const deadline = join(home, 'runs', job.jobId, '1', 'deadline')
    server.want(job)
    await started(server, job)
    const at = server.factsOf(job).find(({ body }) => body.type === 'started')?.at ?? 0
    await until('the limit is there', () => readNumber(deadline) === Math.ceil((at + 60_000) / 1000))
    server.want({ ...job, runLimitMs: 90_000 })
    await until('the limit has moved', () => readNumber(deadline) === Math.ceil((at + 90_000) / 1000))
    server.stop(job)
    await ended(server, job)
  })

  it('a stall is told once, and movement of any kind puts it off', async () => {
    const { server } = await newMachine()
    const still = assignment('echo one; sleep 1000', { stallMs: 1_000 })
    const busy = assignment('while :; do echo x >> "$ANNEAL_CHECKPOINT_DIR/part"; sleep 0.1; done', { stallMs: 1_000 })
    server.want(still)
    server.want(busy)
    await until('the stall is told', () => server.fact(still, 'stalled'))
    expect(server.fact(still, 'stalled')?.sinceMs).toBeGreaterThanOrEqual(1_000)
    expect(server.fact(busy, 'stalled')).toBeUndefined()
    for (const job of [still, busy]) server.stop(job)
    for (const job of [still, busy]) await ended(server, job)
    expect(server.types(still).filter((type) => type === 'stalled')).toHaveLength(1)
  })

  it('a stop does not wait for the setup of another attempt', async () => {
    const { server } = await newMachine()
    const slow = assignment('true', { setup: 'sleep 1000' })
    const job = assignment('sleep 1000')
    server.want(job)
    await started(server, job)
    server.want(slow)
    await until('the setup runs', () => server.fact(slow, 'setup'))
    const before = performance.now()
    server.stop(job)
    await ended(server, job)
    expect(performance.now() - before).toBeLessThan(1_000)
    server.stop(slow)
    expect(await ended(server, slow)).toEqual({ phase: 'setup', code: 143, signalled: true })
  })
})

async function outputOf(server: StandIn, job: ReturnType<typeof assignment>): Promise<string> {
  server.want(job)
  await ended(server, job)
  return await until('the log is there', () => server.log(job).length > 0 && server.log(job).toString())
}

function readNumber(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
