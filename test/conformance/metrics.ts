import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_METRIC_NAMES } from '../../src/schema/limits.js'
import { MetricBatch } from '../../src/schema/metric.js'
import { everyPoint, listMetrics, readCurve } from '../../src/store/metric-read.js'
import { appendMetrics, areMetricsFinal, type MetricKey, metricEnd, readMetric } from '../../src/store/metrics.js'
import { listJobs, viewJob } from '../../src/store/queries.js'
import { connectHost, jobOf, launchNow, report, started, submit } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

type Value = MetricBatch['series'][number]['values'][number]

/** What every store says of metrics, whatever database it stands on. */
export function metricConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    let jobId: string
    beforeEach(async () => {
      t = await newStore()
      await connectHost(t.store, 8)
      jobId = (await submit(t.store)).id
    })
    afterEach(() => t.drop())

    const key = (more: Partial<MetricKey> = {}): MetricKey => ({ jobId, attempt: 1, source: 'file', ...more })
    const append = (offset: number, batch: Partial<MetricBatch> & { to: number }, more: Partial<MetricKey> = {}) =>
      t.store.transact((tx) => appendMetrics(tx, key(more), offset, MetricBatch.parse({ series: [], ...batch })))
    const series = (metric: string, values: Value[], firstStep: number | null = 1) => ({
      name: metric,
      steps: values.map((_, i) => (firstStep === null ? null : firstStep + i)),
      at: values.map((_, i) => 1_700_000_000_000 + i * 1000),
      values,
    })
    const loss = (values: Value[], firstStep: number | null = 1) => [series('loss', values, firstStep)]
    /** What is stored of a name, attempt by attempt. */
    const stored = async (metric: string) => {
      const found: number[] = []
      for await (const { points } of everyPoint(t.store.read, jobId, metric)) found.push(...points.values)
      return found
    }
    const curve = async (metric: string, query: Partial<Parameters<typeof readCurve>[3]> = {}) =>
      readCurve(t.store.read, jobId, metric, { points: 1000, ...query })

    test('a batch exactly at the end of its source is taken, and its state comes back to whoever goes on', async () => {
      expect(await metricEnd(t.store.read, key())).toEqual({ end: 0, state: '', final: false })
      await append(0, { to: 40, series: loss([3, 2]), state: 'here' })
      expect(await append(40, { to: 60, series: loss([1], 3), state: 'there' })).toMatchObject({ end: 60 })
      expect(await metricEnd(t.store.read, key())).toEqual({ end: 60, state: 'there', final: false })
      expect(await stored('loss')).toEqual([3, 2, 1])
    })

    test('a batch elsewhere is refused with the end, and nothing of it counts', async () => {
      await append(0, { to: 40, series: loss([3]), state: 'here' })
      for (const offset of [0, 39, 41]) {
        const refused = append(offset, { to: 60, series: loss([9]), progress: { step: 9, total: 9, leftMs: null } })
        await expect(refused).rejects.toMatchObject({
          code: 'offset_conflict',
          details: { end: 40, state: 'here', final: false },
        })
      }
      expect(await stored('loss')).toEqual([3])
      expect((await viewJob(t.store.read, await jobOf(t.store, jobId))).progress).toBeNull()
    })

    test('of one batch that is sent by many at once exactly one counts', async () => {
      const sent = Array.from({ length: 8 }, () => append(0, { to: 40, series: loss([1, 2, 3]) }))
      const results = await Promise.allSettled(sent)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await stored('loss')).toEqual([1, 2, 3])
    })

    test('sources and attempts have ends of their own', async () => {
      await append(0, { to: 40, series: loss([1]) })
      await append(0, { to: 7, series: [series('accuracy', [0.5])] }, { source: 'log' })
      await append(0, { to: 9, series: loss([2]) }, { attempt: 2 })
      expect(await metricEnd(t.store.read, key({ source: 'log' }))).toMatchObject({ end: 7 })
      expect(await metricEnd(t.store.read, key({ attempt: 2 }))).toMatchObject({ end: 9 })
    })

    test('a source that is final takes nothing more; the metrics are final when those of the newest attempt are', async () => {
      expect(await areMetricsFinal(t.store.read, jobId)).toBe(false)
      await append(0, { to: 40, series: loss([1]) })
      await append(0, { to: 40, final: true, series: loss([1]) }, { attempt: 2 })
      await append(0, { to: 8 }, { attempt: 2, source: 'log' })
      expect(await areMetricsFinal(t.store.read, jobId)).toBe(false)
      await append(8, { to: 8, final: true }, { attempt: 2, source: 'log' })
      expect(await areMetricsFinal(t.store.read, jobId)).toBe(true)
      await expect(append(8, { to: 9 }, { attempt: 2, source: 'log' })).rejects.toMatchObject({
        details: { end: 8, final: true },
      })
    })

    test('every point comes back bit for bit and in order, however it was cut into batches', async () => {
      const value = fc.oneof(fc.double(), fc.float(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, 5e-324))
      const batches = fc.array(fc.array(value, { minLength: 1, maxLength: 700 }), { minLength: 1, maxLength: 50 })
      let run = 0
      await fc.assert(
        fc.asyncProperty(batches, async (all) => {
          run += 1
          const metric = `m${run}`
          let offset = run * 1000
          await append(0, { to: offset }, { source: 'log', attempt: run })
          for (const values of all) {
            const texts = values.map((v) => (Number.isFinite(v) ? v : (String(v) as Value)))
            await append(offset, { to: offset + 1, series: [series(metric, texts)] }, { source: 'log', attempt: run })
            offset += 1
          }
          const back = await stored(metric)
          const given = all.flat()
          expect(back).toHaveLength(given.length)
          expect(given.every((v, i) => Object.is(v, back[i]))).toBe(true)
        }),
        { numRuns: 8 },
      )
    })

    test('many small batches end in few blocks', async () => {
      for (let i = 0; i < 200; i += 1) await append(i, { to: i + 1, series: loss([i], i) })
      const rows = await t.store.read.selectFrom('metric_blocks').select('count').execute()
      expect(rows.length).toBeLessThanOrEqual(33)
      expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(200)
      expect(await stored('loss')).toEqual(Array.from({ length: 200 }, (_, i) => i))
    })

    test('NaN, infinities, repeated steps and steps out of order are kept and counted', async () => {
      const at = [1, 2, 3, 4, 5, 6]
      const values: Value[] = [3, 'NaN', 2, 'Infinity', 2.5, 1]
      await append(0, { to: 1, series: [{ name: 'loss', steps: [1, 2, 2, 5, 4, null], at, values }] })
      const { series: listed } = await listMetrics(t.store.read, jobId)
      expect(listed).toMatchObject([
        { name: 'loss', count: 6, notFinite: 2, outOfOrder: 2, attempts: [1], last: { value: 1, step: null } },
      ])
      expect(listed[0]).toMatchObject({ min: { value: 1, step: null }, max: { value: 3, step: 1 } })
      expect(await curve('loss')).toEqual({
        name: 'loss',
        attempts: [1, 1, 1, 1, 1, 1],
        steps: [1, 2, 2, 5, 4, null],
        at,
        values,
      })
    })

    test('the last, lowest and highest value can be asked for, over all attempts', async () => {
      const ask = (which: 'last' | 'min' | 'max', metric = 'loss') => readMetric(t.store.read, jobId, metric, which)
      expect(await ask('last')).toBeUndefined()
      await append(0, { to: 1, series: [...loss([5, 1, 3]), series('grad', ['NaN'])] })
      await append(0, { to: 1, series: loss([4, 2, 'NaN']) }, { attempt: 2 })
      expect([await ask('last'), await ask('min'), await ask('max')]).toEqual([Number.NaN, 1, 5])
      expect([await ask('last', 'grad'), await ask('min', 'grad')]).toEqual([Number.NaN, Number.NaN])
      await append(1, { to: 2, series: loss([7], 9) }, { attempt: 2 })
      expect([await ask('last'), await ask('max')]).toEqual([7, 7])
    })

    test('a name that the file gives is the file’s: what the log gave goes, and no more of it is taken', async () => {
      await append(0, { to: 1, series: [...loss([9, 9]), series('speed', [1])] }, { source: 'log' })
      await append(0, { to: 1, series: loss([3]) })
      await append(1, { to: 2, series: [...loss([9]), series('speed', [2])] }, { source: 'log' })
      await append(1, { to: 2, series: loss([2], 2) })
      expect(await stored('loss')).toEqual([3, 2])
      expect(await stored('speed')).toEqual([1, 2])
      expect((await listMetrics(t.store.read, jobId)).series.map((s) => [s.name, s.source])).toEqual([
        ['loss', 'file'],
        ['speed', 'log'],
      ])
    })

    test('the continuous curve takes the later attempt where it repeats steps, and each attempt can be seen alone', async () => {
      await append(0, { to: 1, series: loss([10, 9, 8, 7, 6]) })
      await append(0, { to: 1, series: loss([7.5, 6.5], 4) }, { attempt: 2 })
      await append(0, { to: 1, series: loss([6.4], 5) }, { attempt: 3 })
      expect(await curve('loss')).toMatchObject({
        attempts: [1, 1, 1, 2, 3],
        steps: [1, 2, 3, 4, 5],
        values: [10, 9, 8, 7.5, 6.4],
      })
      expect(await curve('loss', { attempt: 1 })).toMatchObject({ steps: [1, 2, 3, 4, 5], values: [10, 9, 8, 7, 6] })
      expect(await curve('loss', { from: 2, to: 5 })).toMatchObject({ steps: [2, 3, 4] })
      await expect(curve('nothing')).rejects.toMatchObject({ code: 'not_found' })
    })

    test('a long curve comes back with every peak and within the number of points asked for', async () => {
      const peaks = [1234, 30_000, 49_998]
      for (let from = 0; from < 50_000; from += 10_000) {
        const values = Array.from({ length: 10_000 }, (_, i) =>
          peaks.includes(from + i) ? 100 + from + i : Math.sin(i),
        )
        await append(from, { to: from + 10_000, series: loss(values, from) })
      }
      for (const points of [20, 100, 1000, 10_000]) {
        const found = await curve('loss', { points })
        expect(found.values.length).toBeLessThanOrEqual(points)
        expect(found.steps).toEqual(expect.arrayContaining(peaks))
        expect([found.steps[0], found.steps.at(-1)]).toEqual([0, 49_999])
      }
      const part = await curve('loss', { points: 20, from: 1200, to: 30_000 })
      expect(part.steps).toEqual(expect.arrayContaining([1200, 1234, 29_999]))
    })

    test('what lies beyond a bound is counted as skipped, and the rest is kept', async () => {
      const names = Array.from({ length: MAX_METRIC_NAMES + 3 }, (_, i) => `m${i}`)
      await append(0, { to: 1, skipped: { unreadable_line: 2 }, series: names.map((n) => series(n, [1, 2])) })
      await append(1, {
        to: 2,
        skipped: { unreadable_line: 1 },
        series: [series('x'.repeat(101), [1]), series('m\n', [1]), series('m0', [3], 3)],
      })
      const { series: listed, skipped } = await listMetrics(t.store.read, jobId)
      expect(listed).toHaveLength(MAX_METRIC_NAMES)
      expect(skipped).toEqual([
        { why: 'unreadable_line', count: 3 },
        { why: 'bad_name', count: 2 },
        { why: 'too_many_names', count: 6 },
      ])
      expect(await stored('m0')).toEqual([1, 2, 3])
    })

    test('how far a job is stands in the list and at the job, with what is left while it runs', async () => {
      const attempt = await launchNow(t.store, jobId)
      await report(t.store, attempt, started)
      const progress = async () => (await viewJob(t.store.read, await jobOf(t.store, jobId))).progress
      expect(await progress()).toBeNull()
      await append(0, { to: 1, progress: { step: 10, total: 100, leftMs: 90_000 } }, { source: 'log' })
      expect(await progress()).toEqual({ step: 10, total: 100, secondsLeft: expect.closeTo(90, -1) })
      await append(0, { to: 1, progress: { step: 7, total: null, leftMs: null } })
      expect(await progress()).toMatchObject({ step: 10, total: 100 })
      await append(1, { to: 2, progress: { step: 20, total: 200, leftMs: null } })
      await append(1, { to: 2, progress: { step: 11, total: 100, leftMs: 1 } }, { source: 'log' })
      expect(await progress()).toEqual({ step: 20, total: 200, secondsLeft: null })
      const [listed] = await listJobs(t.store.read, 'default', { limit: 10 })
      expect(listed?.progress).toEqual({ step: 20, total: 200, secondsLeft: null })
    })
  })
}
