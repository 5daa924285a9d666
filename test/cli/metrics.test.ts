import { expect, test } from 'vitest'
import { chart, shortNumber } from '../../src/cli/chart.js'
import { followMetrics } from '../../src/cli/metrics-follow.js'
import { createClient } from '../../src/client/index.js'
import { MetricBatch } from '../../src/schema/metric.js'
import { appendMetrics } from '../../src/store/metrics.js'
import { requestStop } from '../../src/store/stop.js'
import { advance } from '../support/advance.js'
import { begin, submit } from '../support/jobs.js'
import { until } from './anneal.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal({ TZ: 'UTC' })

const client = () => createClient({ url: server.url, token: server.token })

/** Values of one metric from step 1 on. */
async function reported(
  name: string,
  jobName: string,
  values: MetricBatch['series'][number]['values'],
): Promise<string> {
  const { id } = await submit(server.store, { name: jobName })
  await begin(server.store, id)
  const steps = values.map((_, i) => i + 1)
  const series = [{ name, steps, at: steps.map((i) => 1_700_000_000_000 + i * 1000), values }]
  const batch = MetricBatch.parse({
    to: 1,
    series,
    skipped: { unreadable_line: 2 },
    progress: { step: 3, total: 12, leftMs: null },
  })
  await server.store.transact((tx) => appendMetrics(tx, { jobId: id, attempt: 1, source: 'file' }, 0, batch))
  return id
}

test('what was not kept, what is not finite and how far it is are said, and stay out of the data', async () => {
  await reported('loss', 'odd', [3, 'NaN', 2])
  const { stdout, stderr, code } = await anneal.run(['metrics', 'odd'])
  expect(code).toBe(0)
  expect(stdout).toContain('loss, by step; 1 of 3 points cannot be drawn')
  expect(stdout).toMatch(/^loss +2 +3 +2 @3 +3 @1 +3 +1 not finite$/m)
  expect(stderr).toContain('progress: step 3 of 12, 25 %')
  expect(stderr).toContain('not kept: 2 lines of the metrics file that are no JSON object')
})

test('an export has NaN as text, and guards a name that a spreadsheet would run', async () => {
  await reported('=cmd, "x"', 'export', [1.5, 'NaN', '-Infinity'])
  const csv = await anneal.run(['metrics', 'export', '--csv'])
  expect(csv.stdout).toBe(
    `name,attempt,step,time,value\n${[1.5, 'NaN', '-Infinity']
      .map((value, i) => `"'=cmd, ""x""",1,${i + 1},2023-11-14T22:13:2${i + 1}.000Z,${value}\n`)
      .join('')}`,
  )
  const { stdout } = await anneal.run(['metrics', 'export', '--jsonl'])
  expect(JSON.parse(stdout.split('\n')[1] ?? '')).toEqual({
    ...{ name: '=cmd, "x"', attempt: 1, step: 2 },
    ...{ time: '2023-11-14T22:13:22.000Z', value: 'NaN' },
  })
})

test('a job without metrics and a metric that there is not are told', async () => {
  await submit(server.store, { name: 'silent' })
  const silent = await anneal.run(['metrics', 'silent'])
  expect([silent.code, silent.stdout]).toEqual([0, ''])
  expect(silent.stderr).toContain('no metrics; write JSON lines to $ANNEAL_METRICS_FILE')
  expect((await anneal.run(['metrics', 'silent', '--csv'])).stdout).toBe('name,attempt,step,time,value\n')
  await reported('loss', 'has-loss', [1])
  const missing = await anneal.run(['metrics', 'has-loss', 'accuracy', '--csv'])
  expect(missing.code).not.toBe(0)
  expect(missing.stderr).toContain('has reported no metric "accuracy"')
  expect((await anneal.run(['metrics', 'has-loss', 'accuracy'])).stderr).toContain('there is no metric "accuracy"')
})

/** More of one metric, behind what there is; `isLast`: the source says that there is no more. */
async function report(id: string, from: number, to: number, values: number[], isLast = false): Promise<void> {
  const steps = values.map((_, i) => from + i + 1)
  const series = [{ name: 'loss', steps, at: steps.map((i) => 1_700_000_000_000 + i * 1000), values }]
  const batch = MetricBatch.parse({ to, final: isLast, series: values.length > 0 ? series : [] })
  await server.store.transact((tx) => appendMetrics(tx, { jobId: id, attempt: 1, source: 'file' }, from, batch))
}

async function endJob(id: string): Promise<void> {
  await server.store.transact((tx) => requestStop(tx, id, { actor: 'me', force: false }))
  await advance(server.store, id)
}

test.each([
  ['--csv', (i: number) => `loss,1,${i},2023-11-14T22:13:2${i}.000Z,${i / 2}`],
  [
    '--json',
    (i: number) =>
      JSON.stringify({ name: 'loss', attempt: 1, step: i, time: `2023-11-14T22:13:2${i}.000Z`, value: i / 2 }),
  ],
])(
  'with --follow %s each point is written once, as it comes, and the last ones after the end of the job',
  async (flag, line) => {
    const { id } = await submit(server.store, { name: 'followed' })
    await begin(server.store, id)
    await report(id, 0, 2, [0.5, 1])
    const following = anneal.start(['metrics', id, '--follow', flag])
    const lines = () =>
      following
        .stdout()
        .split('\n')
        .slice(flag === '--csv' ? 1 : 0, -1)
    await until(() => lines().length === 2, following.stdout)
    await report(id, 2, 4, [1.5, 2])
    await until(() => lines().length === 4, following.stdout)
    await endJob(id)
    await report(id, 4, 5, [2.5], true)
    const { code } = await following.ended
    expect(lines()).toEqual([1, 2, 3, 4, 5].map(line))
    if (flag === '--csv') expect(following.stdout().match(/^name,/gm)).toHaveLength(1)
    expect(code).toBe(0)
  },
)

test('it is not over with the job, but when its last points have come', async () => {
  let looks = 0
  const client = {
    showJob: async () => ({ id: 'j', state: 'ended' }),
    listMetrics: async () => {
      looks += 1
      return { series: looks < 3 ? [] : [{ name: 'loss' }], skipped: [], progress: null, final: looks >= 4 }
    },
  }
  const seen: [number, boolean][] = []
  await followMetrics(client as never, 'j', async ({ series }, isLast) => void seen.push([series.length, isLast]))
  expect(seen).toEqual([
    [0, false],
    [1, false],
    [1, true],
  ])
})

test('with --follow alone and no terminal the picture is drawn once, at the end', async () => {
  const { id } = await submit(server.store, { name: 'drawn' })
  await begin(server.store, id)
  await report(id, 0, 2, [0.5, 1])
  const following = anneal.start(['metrics', 'drawn', '--follow'])
  await endJob(id)
  await report(id, 2, 3, [4], true)
  const { stdout, code } = await following.ended
  expect(stdout.match(/^loss, by step/gm)).toHaveLength(1)
  expect(stdout).toMatch(/^loss +4 +3 +0\.5 @1 +4 @3 +3$/m)
  expect(code).toBe(0)
})

test('points that were read before are left out block by block, of one metric in one attempt', async () => {
  const { id } = await submit(server.store, { name: 'long' })
  await begin(server.store, id)
  for (let i = 0; i < 80; i++) await report(id, i, i + 1, [i])
  const rest = async (query: object) => {
    const bytes = await client().exportMetrics(id, { format: 'jsonl', ...query } as never)
    const text = await new Response(bytes).text()
    return text
      .split('\n')
      .slice(0, -1)
      .map((one) => JSON.parse(one).value)
  }
  const all = Array.from({ length: 80 }, (_, i) => i)
  for (const skip of [0, 1, 31, 32, 33, 79, 80, 90])
    expect(await rest({ name: ['loss'], attempt: 1, skip })).toEqual(all.slice(skip))
  await expect(rest({ skip: 1 })).rejects.toThrow('one metric in one attempt')
})

test('a curve that does not move, or has one point, is told in words; one that is out of order is drawn in order', () => {
  const curve = (steps: (number | null)[], values: (number | 'NaN')[]) => ({
    ...{ name: 'a', attempts: steps.map(() => 1), steps, values },
    at: steps.map((_, i) => i * 1000),
  })
  expect(chart(curve([1, 2], [0.25, 0.25]), 80)).toBe('a, by step: always 0.25')
  expect(chart(curve([1], ['NaN']), 80)).toMatch(/^a, by step; 1 of 1 points .*: nothing to draw$/)
  expect(chart(curve([null, null], [1, 2]), 80)).toMatch(/^a, by seconds\n/)
  expect(chart(curve([3, 1, 2], [30, 10, 20]), 80)).toBe(chart(curve([1, 2, 3], [10, 20, 30]), 80))
  expect([0.000_521_94, 1e-9, 12_345, 123_456.789, -0.5].map(shortNumber)).toEqual([
    '0.0005219',
    '1.00e-9',
    '12345',
    '123500',
    '-0.5',
  ])
})
