import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MetricCurve, MetricList } from '../../src/client/index.js'
import { Anneal, build, until } from '../support/anneal.js'

let anneal: Anneal
beforeAll(async () => {
  build()
  build('--crash-points')
  anneal = await Anneal.start({ devices: 2 })
})
afterAll(() => anneal?.remove())

const get = async (path: string) => (await anneal.request('GET', `/api/v1${path}`)).json
const list = async (id: string) => (await get(`/jobs/${id}/metrics`)) as MetricList
const curve = async (id: string, name: string) =>
  (await get(`/jobs/${id}/metrics/${encodeURIComponent(name)}`)) as MetricCurve
const cli = async (...args: string[]) => {
  const main = join(import.meta.dirname, '../../dist/cli/main.js')
  return (await promisify(execFile)(process.execPath, [main, ...args, '--home', anneal.home])).stdout
}
const steps = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
/** The series of a job once it has so many points of a name. */
const counted = (id: string, name: string, count: number) =>
  until(`${count} points of ${name}`, async () => {
    const { series } = await list(id)
    return series.find((one) => one.name === name && one.count >= count) && series
  })

/** A line for each step; says how far it is in its log as a bar does. */
const TRAINING = `
i=0; while [ $i -lt 300 ]; do i=$((i + 1))
  echo "{\\"step\\": $i, \\"loss\\": $((1000 - i)), \\"train\\": {\\"lr\\": 0.5}}" >> $ANNEAL_METRICS_FILE
  printf '\\r %d%%|##| %d/300 [00:01<00:02, 99.00it/s, speed=%d]' $((i / 3)) $i $i
  sleep 0.01
done; echo`

test('what a process reports is kept exactly once, though everything dies again and again meanwhile', async () => {
  const { id } = await anneal.submit({ command: TRAINING })
  await counted(id, 'loss', 1)
  await anneal.killAll()
  await anneal.up({ devices: 2, crashAt: 'metrics.appended:2' })
  await until('the death right after a commit', () => anneal.hasEnded(), 60_000)
  await anneal.killAll()
  await anneal.up({ devices: 2 })
  await anneal.ended(id)
  await counted(id, 'loss', 300)
  await until('all of it', async () => (await curve(id, 'speed')).steps.at(-1) === 300)
  expect(await curve(id, 'loss')).toMatchObject({ steps: steps(300), values: steps(300).map((i) => 1000 - i) })
  expect(await curve(id, 'train/lr')).toMatchObject({ steps: steps(300) })
  expect(await curve(id, 'speed')).toMatchObject({ steps: steps(300), values: steps(300) })
  expect(await list(id)).toMatchObject({ skipped: [], progress: { step: 300, total: 300, secondsLeft: null } })
})

test('a second attempt that does steps again goes on with the curve', async () => {
  const command = `
for i in $( [ $ANNEAL_ATTEMPT = 1 ] && echo 1 2 3 4 5 || echo 3 4 5 6 ); do
  echo "{\\"step\\": $i, \\"loss\\": $i.$ANNEAL_ATTEMPT}" >> $ANNEAL_METRICS_FILE
done; [ $ANNEAL_ATTEMPT = 2 ]`
  const { id } = await anneal.submit({ command, retry: { maxAttempts: 2, backoff: { initial: '100ms' } } })
  await anneal.ended(id)
  await counted(id, 'loss', 9)
  expect(await curve(id, 'loss')).toMatchObject({
    attempts: [1, 1, 2, 2, 2, 2],
    steps: [1, 2, 3, 4, 5, 6],
    values: [1.1, 2.1, 3.2, 4.2, 5.2, 6.2],
  })
})

test('lines that are no JSON, torn or too long are told, and the stream goes on', async () => {
  const command = `
{ echo 'not json'; echo '{"loss": NaN, "step": 1}'; head -c 600000 /dev/zero | tr '\\0' x; echo
  echo '{"step": 2, "loss": -Infinity}'; printf '{"step": 3, "loss": 7}'; } >> $ANNEAL_METRICS_FILE`
  const { id } = await anneal.submit({ command })
  await anneal.ended(id)
  await counted(id, 'loss', 3)
  expect(await curve(id, 'loss')).toMatchObject({ steps: [1, 2, 3], values: ['NaN', '-Infinity', 7] })
  expect((await list(id)).skipped).toEqual([
    { why: 'unreadable_line', count: 1 },
    { why: 'long_line', count: 1 },
  ])
})

test('the command draws curves and a table, and writes CSV and JSON lines', async () => {
  const { id } = await anneal.submit({ command: TRAINING, name: 'drawn' })
  await anneal.ended(id)
  await counted(id, 'loss', 300)
  const text = await cli('metrics', 'drawn', 'loss')
  expect(text).toContain('loss, by step')
  expect(text).toMatch(/^NAME +LAST +AT STEP +MIN +MAX +POINTS +REMARKS$/m)
  expect(text).toMatch(/^loss +700 +300 +700 @300 +999 @1 +300$/m)
  const csv = (await cli('metrics', id, 'loss', 'train/lr', '--csv')).trimEnd().split('\n')
  expect(csv).toHaveLength(601)
  expect(csv[0]).toBe('name,attempt,step,time,value')
  expect(csv[300]).toMatch(/^loss,1,300,20\d\d-.*Z,700$/)
  const lines = (await cli('metrics', id, 'loss', '--jsonl')).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toHaveLength(300)
  const json = JSON.parse(await cli('metrics', id, 'loss', '--json', '--points', '10'))
  expect(json.curves[0].values.length).toBeLessThanOrEqual(10)
  expect(json.series).toMatchObject([{ name: 'loss', count: 300 }])
  expect(await cli('list')).toMatch(/drawn +completed .* 100 %$/m)
})
