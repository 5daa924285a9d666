import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HostSampler, type Sampled } from '../../src/runner/host-sampler.js'
import { parseMetricLine } from '../../src/runner/metric-line.js'

let dir: string
const cleanUps: (() => void)[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'anneal-sampler-'))
})
afterEach(() => {
  for (const step of cleanUps.splice(0)) step()
  rmSync(dir, { recursive: true })
})

const SMI = 'GPU-a, 97, 20480, 61, 312.45\nGPU-b, [N/A], 1, 30, [Not Supported]\n'

function sampler(attempts: Sampled[], smi: string | Error = SMI) {
  const run = vi.fn(async () => {
    if (smi instanceof Error) throw smi
    return smi
  })
  const it = new HostSampler({ attempts: () => attempts, hasGpus: true, everyMs: 1e6, run })
  cleanUps.push(() => it.close())
  return { it, run }
}

const attempt = (more: Partial<Sampled> = {}): Sampled => ({
  pids: [process.pid],
  devices: ['GPU-a'],
  rank: 0,
  hostMetrics: join(dir, 'host.jsonl'),
  ...more,
})
const lines = () =>
  readFileSync(join(dir, 'host.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => parseMetricLine(line))

test('what the machine and an attempt use is written down as a metrics file, with its time', async () => {
  const child = spawn('sh', ['-c', 'while :; do :; done'])
  cleanUps.push(() => child.kill('SIGKILL'))
  const busy = attempt({ pids: [child.pid as number], devices: ['GPU-b', 'GPU-a'] })
  const { it } = sampler([busy])
  await it.look()
  await vi.waitFor(() => expect(cpuOf(child.pid as number)).toBeGreaterThan(cpuAtStart + 20), { timeout: 20_000 })
  await it.look()
  const [first, second] = lines().map((line) => Object.fromEntries(line?.values ?? []))
  expect(first).not.toHaveProperty('host/job_cpu')
  expect(second).toMatchObject({
    'gpu/1/utilization': 97,
    'gpu/1/memory': 20_480 * 1024 * 1024,
    'gpu/1/temperature': 61,
    'gpu/1/power': 312.45,
    'gpu/0/temperature': 30,
  })
  expect(second).not.toHaveProperty('gpu/0/power')
  expect(second?.['host/job_cpu']).toBeGreaterThan(0)
  expect(second?.['host/job_cpu']).toBeLessThan(150)
  expect(second?.['host/cpu']).toBeGreaterThan(0)
  expect(second?.['host/job_memory']).toBeGreaterThan(100_000)
  expect(second?.['host/memory']).toBeGreaterThan(1_000_000)
  expect(lines()[1]?.at).toBeGreaterThan(Date.now() - 60_000)
})

test('nothing is asked of the driver while nothing runs', async () => {
  const { it, run } = sampler([attempt({ hostMetrics: undefined })])
  await it.look()
  expect(run).not.toHaveBeenCalled()
})

test('a driver in trouble, a folder that has gone and processes that have ended do no harm', async () => {
  const { it } = sampler(
    [attempt({ hostMetrics: join(dir, 'gone/host.jsonl') }), attempt({ pids: [2 ** 22 + 1] })],
    new Error('NVML'),
  )
  await it.look()
  const before = ticksOfTheMachine()
  await vi.waitFor(() => expect(ticksOfTheMachine()).toBeGreaterThan(before))
  await it.look()
  expect(Object.keys(Object.fromEntries(lines()[1]?.values ?? []))).toEqual([
    'host/cpu',
    'host/memory',
    'host/job_cpu',
    'host/job_memory',
  ])
})

test('of further ranks it has the rank in its names', async () => {
  const { it } = sampler([attempt({ rank: 2 })])
  await it.look()
  expect(Object.fromEntries(lines()[0]?.values ?? [])).toMatchObject({ 'rank/2/gpu/0/utilization': 97 })
})

const cpuAtStart = 0
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11])
}

/** Of 10 ms; between two looks in one of them nothing can be said of the processor. */
function ticksOfTheMachine(): number {
  const times = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.trim().split(/\s+/).slice(1, 9) ?? []
  return times.reduce((sum, ticks) => sum + Number(ticks), 0)
}
