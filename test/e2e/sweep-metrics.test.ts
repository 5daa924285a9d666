import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SweepView, TrialView } from '../../src/schema/sweep-view.js'
import { Anneal, build, processesOf, until } from '../support/anneal.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const DEVICES = 6

let anneal: Anneal
let folder: string
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: DEVICES })
}, 180_000)
afterAll(() => anneal?.remove())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anneal-trials-'))
  mkdirSync(join(folder, 'go'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Writes the loss of each step into the metrics file, and waits before each until the test lets it go on: `go/TRIAL-STEP`. */
const TRAIN = `
echo $ANNEAL_JOB_ID >> begun-$ANNEAL_TRIAL
for step in $STEPS; do
  until [ -e go/$ANNEAL_TRIAL-$step ]; do sleep 0.05; done
  loss=$(awk "BEGIN { printf \\"%.12f\\", $ANNEAL_PARAM_X + 1 / $step }")
  echo "{\\"step\\": $step, \\"loss\\": $loss}" >> "$ANNEAL_METRICS_FILE"
done
echo $ANNEAL_JOB_ID >> ended-$ANNEAL_TRIAL
`
const lossOf = (x: number, step: number) => x + 1 / step
const letGo = (trial: string, step: number) => writeFileSync(join(folder, 'go', `${trial}-${step}`), '')
const countLines = (name: string) =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim().split('\n').length : 0
const endedTrials = () =>
  readdirSync(folder)
    .filter((name) => name.startsWith('ended-'))
    .map((name) => name.slice('ended-'.length))
    .sort()

async function cli(...args: string[]): Promise<string> {
  const env = { ...process.env, ANNEAL_HOME: anneal.home }
  return (await promisify(execFile)(process.execPath, [MAIN, ...args], { cwd: folder, env })).stdout
}

async function submit(name: string, more: object, steps: string): Promise<string> {
  const job = { command: `cd ${folder}; ${TRAIN}`, env: { STEPS: steps } }
  const file = join(folder, 'sweep.json')
  writeFileSync(file, JSON.stringify({ sweep: { name, metric: { name: 'loss', goal: 'min' }, ...more, job } }))
  return (await cli('sweep', 'submit', file)).trim()
}
const show = async (id: string) => (await anneal.request('GET', `/api/v1/sweeps/${id}`)).json as SweepView
const trialsOf = async (id: string) =>
  ((await anneal.request('GET', `/api/v1/sweeps/${id}/trials`)).json as { trials: TrialView[] }).trials
const trial = async (id: string, key: string) =>
  (await anneal.request('GET', `/api/v1/sweeps/${id}/trials/${key}`)).json as TrialView

/** Lets a trial report a step, and waits until the sweep has looked at it: then its value is written, and its place at that level. */
async function report(id: string, { key, parameters }: TrialView, step: number): Promise<void> {
  letGo(key, step)
  const loss = lossOf(parameters.x as number, step)
  const isSeen = async () => Math.abs(((await trial(id, key)).value ?? Number.NaN) - loss) < 1e-9
  await until(`trial ${key} to be seen at step ${step}`, isSeen, 40_000)
}

test.each([
  ['nobody disturbs it', async () => undefined],
  [
    "everything is killed between two levels and Temporal's file deleted",
    async () => {
      await anneal.killAll()
      rmSync(join(anneal.home, 'temporal'), { recursive: true })
      await anneal.up({ devices: DEVICES })
    },
  ],
])(
  'asha stops the poor trials at their level by what they report, and the best goes to the end: %s',
  async (_, disturb) => {
    const asha = { reduction: 2, rungs: [1, 3] }
    const id = await submit(
      'halving',
      { method: 'asha', trials: 6, parameters: { x: { min: 0, max: 1 } }, asha },
      '1 3 9',
    )
    const drawn = await trialsOf(id)
    const byLoss = [...drawn].sort((a, b) => Number(a.parameters.x) - Number(b.parameters.x))
    const [best, second, third, fourth, fifth, worst] = byLoss as [TrialView, TrialView, TrialView, ...TrialView[]]
    const all = [third, best, worst, second, fifth, fourth] as TrialView[]
    await until('all to run', async () => (await show(id)).trials.running === 6, 40_000)

    // At step 1: kept as the only one; as the best; stopped as 3rd of 3; kept as 2nd of 4; stopped as 4th of 5 and of 6.
    for (const one of all) await report(id, one, 1)
    const hasEnded = async (key: string) => (await trial(id, key)).state === 'completed'
    for (const { key } of [worst, fifth, fourth] as TrialView[])
      await until(`${key} to be stopped`, () => hasEnded(key))
    expect((await show(id)).trials).toMatchObject({ running: 3, completed: 3, stopped: 3, failed: 0 })
    await disturb()

    // At step 3: kept as the only one; as the best; stopped as 3rd of 3.
    for (const one of [second, best, third]) await report(id, one, 3)
    await until('the third to be stopped', () => hasEnded(third.key))
    for (const { key } of byLoss) letGo(key, 9)
    expect(await cli('sweep', 'wait', id)).toMatch(/completed: 6 trials completed, 0 failed\.\nbest: trial/)

    expect(endedTrials()).toEqual([best.key, second.key].sort())
    const table = await trialsOf(id)
    for (const { key, stopped, jobs, attempts, jobId } of table) {
      expect({ key, stopped, jobs, attempts }).toEqual({
        key,
        stopped: !endedTrials().includes(key),
        jobs: 1,
        attempts: 1,
      })
      expect(countLines(`begun-${key}`)).toBe(1)
      const events = await anneal.events(jobId as string)
      expect(events.filter(({ type }) => type === 'trial_stopped')).toHaveLength(stopped ? 1 : 0)
    }
    const why = (one: TrialView) => table.find(({ key }) => key === one.key)?.note
    expect(why(worst as TrialView)).toMatch(/^Stopped at step 1: with loss [\d.]+ it is number 3 of the 3 /)
    expect(why(fourth as TrialView)).toMatch(/^Stopped at step 1: .* it is number 4 of the 6 /)
    expect(why(third)).toMatch(/^Stopped at step 3: .* it is number 3 of the 3 /)

    const won = JSON.parse(await cli('sweep', 'best', id, '--json')) as TrialView
    expect(won.key).toBe(best.key)
    expect(won.value).toBeCloseTo(lossOf(best.parameters.x as number, 9), 9)
    const lines = (await cli('sweep', 'show', id)).split('\n')
    expect(lines.find((line) => line.startsWith('asha'))).toBe('asha, 6 in all: 6 completed (4 stopped early)')
    const rows = lines.slice(lines.findIndex((line) => line.startsWith('TRIAL ')))
    expect(rows.slice(1, 4).map((line) => line.split(/ +/).slice(0, 3))).toMatchObject([
      [best.key, expect.any(String), 'completed'],
      [second.key, expect.any(String), 'completed'],
      [third.key, expect.any(String), 'stopped'],
    ])
  },
  180_000,
)

test('stopWhen ends the sweep once a trial is good enough: what runs is stopped, what waits never begins', async () => {
  const list = [{ x: 5 }, { x: 1 }, { x: 0 }, { x: 0 }]
  const id = await submit('enough', { method: 'list', list, window: 2, stopWhen: { value: 2.2 } }, '1 2')
  await until('two to run', async () => (await show(id)).trials.running === 2, 40_000)
  const [poor, good] = (await trialsOf(id)) as [TrialView, TrialView]
  await report(id, poor, 1)
  expect((await show(id)).best?.key).toBe(poor.key)
  letGo(good.key, 1)
  expect(await cli('sweep', 'wait', id)).toMatch(/completed: Trial 2 has reached loss 2\.\nbest: trial 2, loss 2, x=1/)
  expect(endedTrials()).toEqual([])
  expect((await trialsOf(id)).map(({ state, jobs }) => [state, jobs])).toEqual([
    ['skipped', 1],
    ['skipped', 1],
    ['skipped', 0],
    ['skipped', 0],
  ])
  expect([1, 2, 3, 4].map((key) => countLines(`begun-${key}`))).toEqual([1, 1, 0, 0])
  await until('its processes to be gone', () => processesOf(anneal.home).length === 0)
}, 120_000)
