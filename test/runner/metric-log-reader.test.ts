import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MetricCollector } from '../../src/runner/metric-collector.js'
import { MetricFileReader } from '../../src/runner/metric-file-reader.js'
import { MetricLogReader } from '../../src/runner/metric-log-reader.js'
import { type LineReader, MetricSource } from '../../src/runner/metric-source.js'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'anneal-metrics-'))
  file = join(dir, '0')
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Reads what there is; `points` as `name@step=value`. */
async function read(source: MetricSource, isLast = false) {
  const into = new MetricCollector()
  while (await source.read(into, isLast)) {}
  const { series, skipped } = into.batch(0, '', false)
  const points = series.flatMap(({ name, steps, values }) => values.map((value, i) => `${name}@${steps[i]}=${value}`))
  return { points, skipped, progress: into.progress }
}

const bar = (step: number, total = 100) => `\r ${step}%|###   | ${step}/${total} [00:10<00:20,  9.99it/s]`
const trained = (loss: number) => `\r${' '.repeat(40)}\r{'loss': ${loss}, 'epoch': 0.5}\n`

describe('the log of a trainer that prints through its bar', () => {
  const source = () => new MetricSource(file, new MetricLogReader())

  test('gives each line the step of the bar that is drawn after it, for the one before may be older', async () => {
    const it = source()
    writeFileSync(file, `${bar(1)}${bar(8)}${trained(3)}${bar(10)}${bar(18)}${trained(2)}`)
    expect((await read(it)).points).toEqual(['loss@10=3', 'epoch@10=0.5'])
    appendFileSync(file, bar(20))
    expect(await read(it)).toMatchObject({
      points: ['loss@20=2', 'epoch@20=0.5'],
      progress: { step: 20, total: 100, leftMs: 20_000 },
    })
  })

  test('waits for that bar no longer than to the end, or to another line', async () => {
    const it = source()
    writeFileSync(file, `${bar(5)}${trained(3)}`)
    expect((await read(it)).points).toEqual([])
    appendFileSync(file, 'saving\n')
    expect((await read(it)).points).toEqual(['loss@5=3', 'epoch@5=0.5'])
    appendFileSync(file, trained(1))
    expect((await read(it, true)).points).toEqual(['loss@5=1', 'epoch@5=0.5'])
  })

  test('has no steps where no bar is drawn, and waits for none', async () => {
    writeFileSync(file, "{'loss': 3, 'epoch': 0.5}\n{'loss': 2, 'epoch': 1}\n")
    expect((await read(source())).points).toEqual(['loss@null=3', 'loss@null=2', 'epoch@null=0.5', 'epoch@null=1'])
  })

  test('shows how far it is by the bar that has the most steps, until that is done', async () => {
    const it = source()
    writeFileSync(file, `${bar(50, 50)}\n${bar(3, 1000)}${bar(1, 20)}${bar(2, 20)}`)
    expect((await read(it)).progress).toMatchObject({ step: 3, total: 1000 })
    appendFileSync(file, `${bar(1000, 1000)}\n${bar(7, 20)}\n`)
    expect((await read(it)).progress).toMatchObject({ step: 7, total: 20 })
  })

  test('is read the same from any place on, with the state that belongs to it', async () => {
    const text = `${bar(1)}${trained(9)}${bar(10)}\nstep=11 acc=1\nloss=5\n${bar(20)}${trained(8)}${bar(30)}\n`
    writeFileSync(file, text)
    const whole = (await read(source(), true)).points.sort()
    for (let cut = 0; cut <= text.length; cut += 7) {
      writeFileSync(file, text.slice(0, cut))
      const [first, second] = [source(), source()]
      const before = (await read(first)).points
      writeFileSync(file, text)
      second.goTo(first.cursor)
      expect([...before, ...(await read(second, true)).points].sort(), `cut at ${cut}`).toEqual(whole)
    }
  })

  test('is passed over quickly where it has nothing, whatever lies in it', async () => {
    const it = source()
    writeFileSync(file, `${'x'.repeat(1_000_000)}\n${'plain words\n'.repeat(100_000)}loss=1\nhalf a li`)
    expect(await read(it)).toMatchObject({ points: ['loss@null=1'] })
    appendFileSync(file, 'ne=3 loss=2\nstep=4 loss=3\n')
    expect((await read(it)).points).toEqual(['loss@4=3'])
  })
})

describe('a metrics file', () => {
  const source = (reader: LineReader = new MetricFileReader()) => new MetricSource(file, reader)

  test('that is not there yet has nothing, and a line counts when it is whole', async () => {
    const it = source()
    expect(await read(it)).toMatchObject({ points: [] })
    writeFileSync(file, '{"step": 1, "lo')
    expect((await read(it)).points).toEqual([])
    appendFileSync(file, 'ss": 2}\n')
    expect((await read(it)).points).toEqual(['loss@1=2'])
  })

  test('that is written anew from its beginning is read from there', async () => {
    const it = source()
    writeFileSync(file, '{"a": 1}\n{"a": 2}\n')
    expect((await read(it)).points).toEqual(['a@null=1', 'a@null=2'])
    truncateSync(file)
    appendFileSync(file, '{"a": 3}\n')
    expect((await read(it)).points).toEqual(['a@null=3'])
    appendFileSync(file, '{"a": 4}\n')
    const next = source()
    next.goTo(it.cursor)
    expect((await read(next)).points).toEqual(['a@null=4'])
    expect(next.cursor.offset).toBe(36)
  })

  test('with more points than one batch holds is read batch by batch', async () => {
    const line = `${JSON.stringify(Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`m${i}`, i])))}\n`
    writeFileSync(file, line.repeat(30))
    const it = source()
    const counts: number[] = []
    for (;;) {
      const into = new MetricCollector()
      while (await it.read(into, false)) {}
      if (into.points === 0) break
      counts.push(into.points)
    }
    expect(counts).toEqual([9900, 9900, 7200])
  })

  test('tells lines that are too long, once each, and goes on after them', async () => {
    writeFileSync(file, `{"a": 1}\n{"b": "${'x'.repeat(900_000)}"}\n{"a": 2}\n`)
    expect(await read(source())).toMatchObject({ points: ['a@null=1', 'a@null=2'], skipped: { long_line: 1 } })
  })

  test('may have names in any script', async () => {
    writeFileSync(file, '{"verlust-ä": 1, "损失": 2}\n')
    expect((await read(source())).points).toEqual(['verlust-ä@null=1', '损失@null=2'])
  })
})
