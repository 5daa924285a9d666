import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HostView } from '../../src/schema/view.js'
import { Anneal, build, until } from '../support/anneal.js'

const GPUS = ['GPU-00000000-0000-0000-0000-00000000000a', 'GPU-00000000-0000-0000-0000-00000000000b'] as const

/** Stands for nvidia-smi: two GPUs, and the compute processes that a file names. */
class FakeGpus {
  readonly folder = mkdtempSync(join(tmpdir(), 'anneal-gpus-'))
  readonly #outsiders: ChildProcess[] = []

  constructor() {
    const script = `#!/bin/sh
case "$1" in
  -L) ;;
  --query-gpu=index*) printf '0, ${GPUS[0]}, NVIDIA H200, 143771\\n1, ${GPUS[1]}, NVIDIA H200, 143771\\n' ;;
  --query-compute-apps*) cat ${this.folder}/apps ;;
  *) echo 'Field is not a valid field to query.'; exit 2 ;;
esac
`
    this.use()
    mkdirSync(join(this.folder, 'bin'))
    writeFileSync(join(this.folder, 'bin/nvidia-smi'), script)
    chmodSync(join(this.folder, 'bin/nvidia-smi'), 0o755)
  }

  /** A process of this machine that is no job; the driver sees it on these GPUs, and nothing else on any. */
  use(...gpus: string[]): number | undefined {
    for (const outsider of this.#outsiders.splice(0)) outsider.kill('SIGKILL')
    const child = gpus.length > 0 ? spawn('sleep', ['1000'], { stdio: 'ignore' }) : undefined
    if (child) this.#outsiders.push(child)
    writeFileSync(join(this.folder, 'apps'), gpus.map((uuid) => `${uuid}, ${child?.pid}, 19073\n`).join(''))
    return child?.pid
  }

  remove(): void {
    this.use()
    rmSync(this.folder, { recursive: true })
  }
}

let gpus: FakeGpus
let anneal: Anneal
beforeAll(async () => {
  build()
  gpus = new FakeGpus()
  anneal = await Anneal.start({ env: { PATH: `${gpus.folder}/bin:${process.env.PATH}` } })
})
afterAll(async () => {
  await anneal?.remove()
  gpus?.remove()
})

describe('a GPU that somebody outside uses', () => {
  test('is named with its user, is given to nobody, and comes back by itself', async () => {
    const pid = gpus.use(...GPUS)
    await until('both are seen as busy', async () => (await states()).every((state) => state === 'busy'))
    expect((await host()).devices[0]?.note).toMatch(
      new RegExp(`^used by pid ${pid} \\(sleep, user \\w+\\), 20\\.0 GB, not a job of Anneal's$`),
    )
    const job = await anneal.submit({ command: 'echo $CUDA_VISIBLE_DEVICES' })
    expect(await anneal.job(job.id, 'in its queue', ({ standing }) => standing !== null)).toMatchObject({
      state: 'queued',
      waitingFor:
        '1st in pool default; needs 1 device; devices of the pool may not be used at present, see anneal host list',
    })
    gpus.use(GPUS[1])
    const ended = await anneal.ended(job.id)
    expect(ended).toMatchObject({ outcome: { reason: 'completed' }, attempts: [{ devices: [GPUS[0]] }] })
  })

  test('is seen before an attempt starts on it; the job goes on another one, and nothing is charged', async () => {
    // It sits down between two looks: the server still thinks that the first GPU is free.
    gpus.use()
    await until('both are free', async () => (await states()).every((state) => state === 'ok'))
    gpus.use(GPUS[0])
    const job = await anneal.submit({ command: 'echo hello', retry: { backoff: { initial: '100ms' }, maxAttempts: 1 } })
    const ended = await anneal.ended(job.id)
    expect(ended).toMatchObject({ outcome: { reason: 'completed' } })
    const [first, second] = ended.attempts
    expect(first).toMatchObject({ devices: [GPUS[0]], startedAt: null, outcome: { reason: 'device_busy' } })
    expect(first?.outcome?.message).toMatch(/^GPU-0+.*a is used by pid \d+ \(sleep, user \w+\)/)
    expect(second).toMatchObject({ devices: [GPUS[1]], outcome: { reason: 'completed' } })
    expect(await states()).toEqual(['busy', 'ok'])
  })

  test('is not one that a job of ours uses, whatever else looks at it', async () => {
    gpus.use()
    const job = await anneal.submit({ command: 'exec sleep 1000', timeouts: { grace: '1s' } })
    const [attempt] = (await anneal.running(job.id)).attempts
    const own = attempt?.devices[0]
    writeFileSync(join(gpus.folder, 'apps'), `${own}, ${attempt?.pid}, 19073\n`)
    const other = await anneal.submit({ command: 'true' })
    const { attempts } = await anneal.ended(other.id)
    expect([own, attempts[0]?.devices[0]].sort()).toEqual(GPUS)
    expect(await states()).toEqual(['ok', 'ok'])
    gpus.use()
    await anneal.stop(job.id)
    await anneal.ended(job.id)
  })
})

test('a stalled job says so with what its processes were at', async () => {
  const command = `exec python3 -c "
import threading
def wait_for_ever(lock):
    with lock: lock.acquire()
wait_for_ever(threading.Lock())
"`
  const job = await anneal.submit({ command, timeouts: { stall: '2s', grace: '1s' } })
  const { outcome } = await anneal.ended(job.id)
  expect(outcome?.reason).toBe('stalled')
  expect(outcome?.message).toMatch(
    /^No log, metric or checkpoint for 2\.\d s; what its processes were at stands in the log stream stacks\.$/,
  )
  const stacks = await until('the stream is whole', async () => {
    const { text, status } = await anneal.request('GET', `/api/v1/jobs/${job.id}/logs/1/stacks`)
    return status === 200 && text.includes('in wait_for_ever') ? text : undefined
  })
  expect(stacks).toMatch(/^== process \d+: \S*python3 -c/)
})

describe('a memory limit', () => {
  test('is enforced and explained where the host says so', async ({ skip }) => {
    const { enforces } = await host()
    skip(!enforces.memory, 'no cgroup with a memory controller can be made here')
    const command = `exec python3 -c "x = b'x' * 400_000_000"`
    const job = await anneal.submit({ command, resources: { memory: '100MB', cpus: 1 } })
    const { outcome } = await anneal.ended(job.id)
    expect(outcome).toMatchObject({ reason: 'out_of_memory', exitCode: 137 })
    expect(outcome?.message).toMatch(/^Killed by the kernel: the job's memory limit of 100\.0 MB was reached \(peak /)
  })
})

async function host(): Promise<HostView> {
  const { hosts } = (await anneal.request('GET', '/api/v1/hosts')).json as { hosts: HostView[] }
  return hosts[0] as HostView
}

async function states(): Promise<string[]> {
  return (await host()).devices.map(({ state }) => state)
}
