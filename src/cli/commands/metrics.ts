import { type Command, Option } from 'commander'
import type { Client, MetricList, MetricSeries } from '../../client/index.js'
import { SKIPS } from '../../schema/metric.js'
import { shortNumber } from '../chart.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { plain, print, printJson, say, table, writeBytes } from '../output.js'
import { mostTelling } from '../telling.js'
import { progressText } from '../text.js'

interface Flags extends ServerFlags {
  attempt?: number
  points: number
  follow?: boolean
  csv?: boolean
  jsonl?: boolean
}

/** Curves that are drawn when none is named. */
const DRAWN = 4
/** Cursor home, and all below it away. */
const CLEAR = '\x1b[H\x1b[2J'
/** Points that a chart in a terminal can show. */
const FOR_CHART = 2000

/** `anneal metrics REF [NAME…]`: curves, and the last, lowest and highest value of each metric. */
export function define(command: Command): void {
  command
    .argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
    .argument('[names...]', 'only these metrics; default all, with four curves, losses and scores first')
    .option('--attempt <number>', 'only what that attempt reported; without it the continuous curve', wholeNumber)
    .option('--points <count>', 'of each curve at most so many points, with every peak; with --json', wholeNumber, 1000)
    .addOption(new Option('--csv', 'write every point to stdout as CSV').conflicts('json'))
    .addOption(
      new Option('--jsonl', 'write every point to stdout, one JSON object in each line').conflicts(['json', 'csv']),
    )
    .option(
      '-f, --follow',
      'until the job ends: draw again what has changed; with --csv, --jsonl or --json append each point',
    )
  withServer(command).action(async (ref: string, names: string[], flags: Flags) => {
    const client = connect(flags)
    if (flags.follow) return follow(client, ref, names, flags)
    if (flags.csv || flags.jsonl) return writeAll(client, ref, names, flags)
    const list = await client.listMetrics(ref)
    const series = chosen(list, names)
    if (flags.json) return printJson(await withCurves(client, ref, { ...list, series }, names, flags))
    await show(client, ref, { ...list, series }, names, flags)
  })
}

async function writeAll(client: Client, ref: string, names: string[], { attempt, csv }: Flags): Promise<void> {
  const format = csv ? 'csv' : 'jsonl'
  const bytes = await client.exportMetrics(ref, {
    format,
    ...(names.length > 0 ? { name: names } : {}),
    ...only(attempt),
  })
  for await (const chunk of bytes ?? []) await writeBytes(process.stdout, chunk)
}

/** Points go to stdout as they come; on a terminal the picture is drawn anew, elsewhere once at the end. */
async function follow(client: Client, ref: string, names: string[], flags: Flags): Promise<void> {
  const { followMetrics, followPoints } = await import('../metrics-follow.js')
  const { attempt, csv, jsonl, json } = flags
  const wanted = { names, ...only(attempt) }
  if (csv || jsonl || json) return followPoints(client, ref, { ...wanted, format: csv ? 'csv' : 'jsonl' })
  await followMetrics(client, ref, async (list, isLast) => {
    const isTerminal = process.stdout.isTTY === true
    if (!isTerminal && !isLast) return
    if (isTerminal) process.stdout.write(CLEAR)
    const series = list.series.filter(({ name }) => names.length === 0 || names.includes(name))
    await show(client, ref, { ...list, series }, names, flags)
  })
}

/** The list, with the points of those that are named. */
async function withCurves(client: Client, ref: string, list: MetricList, names: string[], { attempt, points }: Flags) {
  if (names.length === 0) return list
  const query = { points, ...only(attempt) }
  return { ...list, curves: await Promise.all(list.series.map(({ name }) => client.readMetric(ref, name, query))) }
}

async function show(client: Client, ref: string, list: MetricList, names: string[], { attempt }: Flags): Promise<void> {
  const { series, skipped, progress } = list
  if (series.length === 0) say(`no metrics; write JSON lines to $ANNEAL_METRICS_FILE, or print step=1 loss=0.5`)
  else {
    const { chart } = await import('../chart.js')
    const drawn =
      names.length > 0 ? series : mostTelling(series.filter(({ source }) => source !== 'host')).slice(0, DRAWN)
    for (const { name } of drawn) {
      const curve = await client.readMetric(ref, name, { points: FOR_CHART, ...only(attempt) })
      print(`${plain(chart({ ...curve, name: plain(name) }, process.stdout.columns ?? 100))}\n`)
    }
    print(table([['NAME', 'LAST', 'AT STEP', 'MIN', 'MAX', 'POINTS', 'REMARKS'], ...series.map(row)]))
  }
  if (progress) say(`progress: ${progressText(progress)}`)
  for (const { why, count } of skipped) say(`not kept: ${count} ${SKIPS[why]}`)
}

function row({ name, last, min, max, count, notFinite, outOfOrder, attempts }: MetricSeries): string[] {
  const remarks = [
    notFinite > 0 ? `${notFinite} not finite` : '',
    outOfOrder > 0 ? `${outOfOrder} out of order` : '',
    attempts.length > 1 ? `attempts ${attempts.join(', ')}` : '',
  ]
  const at = (point: MetricSeries['min']) => (point ? `${shortNumber(point.value)}${ofStep(point.step)}` : '-')
  const value = typeof last.value === 'number' ? shortNumber(last.value) : last.value
  const step = last.step === null ? '-' : String(last.step)
  return [plain(name), value, step, at(min), at(max), String(count), remarks.filter(Boolean).join('; ')]
}

function ofStep(step: number | null): string {
  return step === null ? '' : ` @${step}`
}

function chosen({ series }: MetricList, names: string[]): MetricSeries[] {
  if (names.length === 0) return series
  const found = series.filter(({ name }) => names.includes(name))
  for (const name of names) {
    if (!found.some((one) => one.name === name)) say(`there is no metric ${JSON.stringify(name)}`)
  }
  return found
}

function only(attempt: number | undefined): { attempt?: number } {
  return attempt === undefined ? {} : { attempt }
}
