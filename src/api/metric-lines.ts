import { toMetricValue } from '../schema/metric.js'
import { countOf, type Points } from '../schema/points.js'

export const FORMATS = ['csv', 'jsonl'] as const
type Format = (typeof FORMATS)[number]

interface Source {
  name: string
  pieces: AsyncGenerator<{ attempt: number; points: Points }>
}

/** The text of an export, block by block. A step that was not given is empty in CSV and null in JSON; NaN stands as text. */
export async function* pointLines(format: Format, sources: readonly Source[]): AsyncGenerator<string> {
  let head = format === 'csv' ? 'name,attempt,step,time,value\n' : ''
  for (const { name, pieces } of sources) {
    for await (const { attempt, points } of pieces) {
      const lineOf = format === 'csv' ? csvLine(name, attempt) : jsonLine(name, attempt)
      const lines = Array.from({ length: countOf(points) }, (_, i) => lineOf(points, i))
      yield head + lines.join('')
      head = ''
    }
  }
  if (head !== '') yield head
}

function csvLine(name: string, attempt: number) {
  const start = `${field(name)},${attempt},`
  return ({ steps, at, values }: Points, i: number) => {
    const step = steps[i] as number
    return `${start}${step < 0 ? '' : step},${timeOf(at, i)},${values[i]}\n`
  }
}

function jsonLine(name: string, attempt: number) {
  return ({ steps, at, values }: Points, i: number) => {
    const step = (steps[i] as number) < 0 ? null : steps[i]
    return `${JSON.stringify({ name, attempt, step, time: timeOf(at, i), value: toMetricValue(values[i] as number) })}\n`
  }
}

function timeOf(at: Float64Array, i: number): string {
  return new Date(at[i] as number).toISOString()
}

/** A name that begins as a formula gets a quote before it: whoever opens the file in a spreadsheet runs nothing. */
function field(name: string): string {
  const text = /^[=+\-@]/.test(name) ? `'${name}` : name
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
