import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { SweepView, TrialView } from '../../src/schema/sweep-view.js'
import { Anneal, build, processesOf, until } from '../support/anneal.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let anneal: Anneal
let folder: string
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 4 })
}, 180_000)
afterAll(() => anneal.remove())

/** A folder in which the tasks of a test write down that they have run. */
function newFolder(): string {
  folder = mkdtempSync(join(tmpdir(), 'anneal-tasks-'))
  const made = folder
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return folder
}
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
/** How often each task has begun, by its index. */
const begun = () =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.startsWith('task-'))
      .map((name) => [name.slice(5), readFileSync(join(folder, name), 'utf8').split('\n').length - 1]),
  )
const all = (count: number, times: (i: number) => number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), times(i)]))

/** Runs the command line to its end. */
async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ANNEAL_HOME: anneal.home },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout, stderr }
}
const show = async (id: string) => (await anneal.request('GET', `/api/v1/sweeps/${id}`)).json as SweepView
const trials = async (id: string, query = '') =>
  ((await anneal.request('GET', `/api/v1/sweeps/${id}/trials?limit=1000${query}`)).json as { trials: TrialView[] })
    .trials
const BEGIN = 'echo $ANNEAL_JOB_ID >> task-$ANNEAL_ARRAY_INDEX'

test('an array of 40 of which a tenth fails twice: all done, each tried as often as it had to be', async () => {
  const at = newFolder()
  const command = `cd ${at}; ${BEGIN}; n=$(wc -l < task-{}); [ $(({} % 10)) -ne 0 ] || [ $n -ge 3 ]`
  const spec = { name: 'tenth', command, retry: { maxAttempts: 3, backoff: { initial: '100ms' } } }
  const { code, stdout, stderr } = await cli(
    'array',
    '-n',
    '40',
    '-f',
    file('job.yaml', JSON.stringify(spec)),
    '--wait',
  )
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^submitted tenth with 40 tasks as [0-9a-z]{26}\n$/)])
  expect(stdout).toMatch(/completed: 40 tasks completed, 0 failed\.\n$/)
  expect(begun()).toEqual(all(40, (i) => (i % 10 === 0 ? 3 : 1)))
  const shown = await trials('tenth')
  expect(shown.map(({ attempts }) => attempts)).toEqual(Array.from({ length: 40 }, (_, i) => (i % 10 === 0 ? 3 : 1)))
  expect(shown.every(({ jobs, state }) => jobs === 1 && state === 'completed')).toBe(true)
})

test('tasks that failed are listed with their reason and job; only they are tried again', async () => {
  const at = newFolder()
  const line = `cd ${at}; ${BEGIN}; echo task {}; [ -e mended ] || [ {} != 2 ]`
  const first = await cli('array', '--name', 'mend', '-n', '5', '--no-workdir', '--wait', '--', line)
  expect(first.code).toBe(1)
  const { jobId } = (await trials('mend'))[2] as TrialView
  expect(first.stdout).toMatch(
    new RegExp(`failed: 4 tasks completed, 1 failed\\.\nFAILED.*\n2 +process_failed +${jobId}`),
  )
  expect(await cli('array', 'logs', 'mend', '2')).toMatchObject({ code: 0, stdout: 'task 2\n' })
  writeFileSync(join(at, 'mended'), '')
  const again = await cli('array', 'retry-failed', 'mend', '--wait')
  expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/completed: 5 tasks completed, 0 failed/)])
  expect(begun()).toEqual(all(5, (i) => (i === 2 ? 2 : 1)))
  expect((await trials('mend'))[2]).toMatchObject({ jobs: 2, state: 'completed' })
})

test('a grid runs every combination once, with its parameters in the command and in the environment', async () => {
  const at = newFolder()
  const yaml = `sweep:
  name: grid
  method: grid
  parameters:
    lr: [0.1, 0.01, 0.001]
    layers: { values: [2, 4] }
  job:
    command: echo "{{lr}} $ANNEAL_PARAM_LR $ANNEAL_PARAM_LAYERS" >> ${at}/trial-$ANNEAL_TRIAL
`
  const { code, stdout } = await cli('sweep', 'submit', file('sweep.yaml', yaml), '--wait')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/completed: 6 trials completed, 0 failed/)])
  const lines = [1, 2, 3, 4, 5, 6].map((i) => readFileSync(join(at, `trial-${i}`), 'utf8'))
  const pairs = [0.1, 0.01, 0.001].flatMap((lr) => [2, 4].map((layers) => `${lr} ${lr} ${layers}\n`))
  expect(lines).toEqual(pairs)
  const shown = (await cli('sweep', 'show', 'grid')).stdout
  expect(shown).toMatch(/^TRIAL +VALUE +STATE +lr +layers +RUNNING +JOB$/m)
  expect(shown).toMatch(/^6 +- +completed +0\.001 +4 /m)
})

test('what is wrong in a file is named with its line', async () => {
  newFolder()
  const yaml =
    'sweep:\n  name: s\n  method: random\n  trials: 3\n  parameters:\n    lr: { min: 2, max: 1 }\n  job: { command: t }\n'
  const { code, stderr } = await cli('sweep', 'submit', file('bad.yaml', yaml))
  expect(code).toBe(65)
  expect(stderr).toContain('bad.yaml:6:11 sweep.parameters.lr.min: is not below max (it is 2); expected below 1')
  const wrong = await cli('array', '-n', '3', '--priority', '101', '--no-workdir', '--', 'true')
  expect([wrong.code, wrong.stderr]).toEqual([65, expect.stringContaining('--priority priority:')])
})

test('stopped in the middle: what runs is ended, what waits is skipped, nothing is left', async () => {
  const at = newFolder()
  const line = `cd ${at}; ${BEGIN}; sleep 1000`
  const { stdout } = await cli('array', '--name', 'long', '-n', '30', '--no-workdir', '--', line)
  const id = stdout.trim()
  await until('tasks to run', async () => (await show(id)).trials.running === 4)
  expect((await cli('array', 'stop', id)).code).toBe(0)
  expect((await cli('array', 'wait', id)).code).toBe(27)
  const { trials: counts, outcome } = await show(id)
  expect(outcome?.reason).toBe('stopped')
  expect(counts).toMatchObject({ waiting: 0, running: 0, queued: 0, completed: 0 })
  expect(counts.failed + counts.skipped).toBe(30)
  await until('its processes to be gone', () => processesOf(anneal.home).length === 0)
  expect(Object.keys(begun())).toHaveLength(4)
})

test("everything killed in the middle, Temporal's file deleted: it goes on, and no task runs twice", async () => {
  const at = newFolder()
  const { stdout } = await cli(
    'array',
    '-n',
    '24',
    '--no-workdir',
    '--',
    `cd ${at}; ${BEGIN}; sleep 0.5; echo end >> end-{}`,
  )
  const id = stdout.trim()
  await until('some to be done', async () => (await show(id)).trials.completed >= 5)
  await anneal.killAll()
  rmSync(join(anneal.home, 'temporal'), { recursive: true })
  await anneal.up({ devices: 4 })
  const { code } = await cli('array', 'wait', id, '--timeout', '50s')
  expect(code).toBe(0)
  expect(begun()).toEqual(all(24, () => 1))
  expect((await trials(id)).every(({ jobs, attempts }) => jobs === 1 && attempts === 1)).toBe(true)
})

test('dying as the look that submits its tasks is committed: the array goes on, and no task runs twice', async () => {
  const at = newFolder()
  build('--crash-points')
  const other = await Anneal.start({ devices: 2, crashAt: 'activity.group-committed' })
  try {
    const body = { array: { name: 'a', size: 5, window: 3, job: { command: `cd ${at}; ${BEGIN}` } } }
    const submit = () => other.request('POST', '/api/v1/arrays', body, { 'idempotency-key': 'k' })
    await submit().catch(() => undefined)
    await until('it to die', () => other.hasEnded(), 30_000)
    await other.up({ devices: 2 })
    const { id } = (await submit()).json as SweepView
    const look = async () => ((await other.request('GET', `/api/v1/sweeps/${id}`)).json as SweepView).outcome
    expect(await until('its end', look, 40_000)).toMatchObject({ reason: 'completed' })
    expect(begun()).toEqual(all(5, () => 1))
  } finally {
    await other.remove()
  }
}, 240_000)
