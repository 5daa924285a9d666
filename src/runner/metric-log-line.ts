import { parseNumber, type Reading, STEP_NAMES, takeMarks } from './metric-line.js'

/** A line of a log that says something, by the form in which it says it. */
export type LogReading = Reading & { form: 'bar' | 'trainer' | 'pairs' }

/** Longer lines are prose. */
const LONGEST = 4096
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys begins with Escape
const ANSI = /\x1b\[[0-9;?]*[A-Za-z]/g

/**
 * What a line of a log says of a training, as it is printed by the trainer of transformers, by tqdm, or as `name=value` words.
 * Undefined for everything else; the forms are strict, so that prose, settings and file names are no metrics.
 */
export function parseLogLine(line: string): LogReading | undefined {
  if (line.length > LONGEST) return undefined
  const text = line.replace(ANSI, '').trim()
  if (text.includes('%|')) return parseBar(text)
  if (text.startsWith('{')) return parseTrainer(text)
  return text.includes('=') ? parsePairs(text) : undefined
}

/** `desc:  12%|█▏        | 120/1000 [00:30<03:40,  4.00it/s, loss=0.3]` */
const BAR = /^(?:([^%|]*?):\s+)?\d+%\|[^|]*\|\s*(\d+)\/(\d+)\s+\[([\d:]+)<([\d:]+|\?),\s*([^,\]]*)(?:,\s*(.*))?\]$/
/** Steps are counted in `it`; what counts bytes, files, examples or rows is no training. */
const STEP_RATE = /^\s*(?:[\d.]+|\?)(?:it\/s|s\/it)$/
/** Bars with a name are the training's own only by these. */
const TRAINING = /\b(?:train\w*|epochs?|steps?|iter\w*)\b/i

/** A bar of tqdm, as it is drawn by default. Source: tqdm 4.67, `tqdm.format_meter`; seen 2026-11. */
function parseBar(text: string): LogReading | undefined {
  const [, name, step, total, , left, rate = '', postfix = ''] = BAR.exec(text) ?? []
  if (step === undefined || !STEP_RATE.test(rate) || (name !== undefined && !TRAINING.test(name))) return undefined
  const values = new Map(pairsIn(postfix.split(/,\s*/)) ?? [])
  const leftMs = left === '?' || left === undefined ? undefined : 1000 * secondsOf(left)
  const reading = { step: Number(step), total: Number(total), at: null, values: [...values] }
  return { form: 'bar', ...reading, ...(leftMs === undefined ? {} : { leftMs }) }
}

/** `03:40`, `1:02:03`. */
function secondsOf(clock: string): number {
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}

const ENTRY = /\s*(?:'([^'\\]+)'|"([^"\\]+)")\s*:\s*('[^'\\]*'|"[^"\\]*"|[^\s,'"{}[\]()]+)\s*(?:,|$)/y

/**
 * The dictionary that the trainer prints: `{'loss': 0.69, 'learning_rate': 5e-05, 'epoch': 0.1}`, from version 5 on with the
 * numbers as texts. All that it prints has `epoch`, which other dictionaries have rarely. Source: transformers 4.57 and
 * 5.23, `ProgressCallback` and `PrinterCallback`; seen 2026-11.
 */
function parseTrainer(text: string): LogReading | undefined {
  if (!text.endsWith('}')) return undefined
  const inner = text.slice(1, -1)
  const values = new Map<string, number>()
  ENTRY.lastIndex = 0
  for (let at = 0; at < inner.length; at = ENTRY.lastIndex) {
    const found = ENTRY.exec(inner)
    if (!found) return undefined
    const number = parseNumber((found[3] as string).replace(/^['"]|['"]$/g, ''))
    if (number !== undefined) values.set((found[1] ?? found[2]) as string, number)
  }
  if (!values.has('epoch') || values.size < 2) return undefined
  return { form: 'trainer', ...takeMarks(values) }
}

const PAIR = /^([A-Za-z_][\w./-]*)=(\S+)$/
const POSITIONS = [...STEP_NAMES, 'epoch']

/**
 * `step=10 loss=0.3 acc=0.9`: words `name=number`, with blanks, commas, semicolons or bars between them. Either the line has
 * nothing else, or one of them is the step, the iteration or the epoch; then other words may stand before and between.
 */
function parsePairs(text: string): LogReading | undefined {
  const words = text.split(/[\s,;|]+/).filter(Boolean)
  const values = new Map(pairsIn(words) ?? [])
  const isPure = values.size === words.length
  if (values.size === 0 || (!isPure && !POSITIONS.some((name) => values.has(name)))) return undefined
  const reading = takeMarks(values)
  return reading.values.length === 0 && reading.total === undefined ? undefined : { form: 'pairs', ...reading }
}

function pairsIn(words: readonly string[]): [string, number][] {
  return words.flatMap((word): [string, number][] => {
    const [, name, text] = PAIR.exec(word) ?? []
    const value = text === undefined ? undefined : parseNumber(text)
    return name === undefined || value === undefined ? [] : [[name, value]]
  })
}
