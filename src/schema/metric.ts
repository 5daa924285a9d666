import { z } from 'zod'
import { MAX_BATCH_POINTS, MAX_METRIC_NAME } from './limits.js'

/** Where points come from. A name belongs, within an attempt, to the first of these that gives it. */
export const METRIC_SOURCES = ['file', 'log', 'host', 'provider'] as const
export type MetricSource = (typeof METRIC_SOURCES)[number]

/** What was not kept, by why; counted, so that nothing goes missing in silence. */
export const SKIPS = {
  unreadable_line: 'lines of the metrics file that are no JSON object',
  long_line: 'lines that are longer than a metric line may be',
  log_bytes: 'bytes of log that were written faster than they could be read for metrics',
  bad_name: 'points whose name is empty, too long or has control characters',
  too_many_names: 'points of names beyond those that a job may have',
  too_many_points: 'points beyond those that a job may have',
} as const
export type Skip = keyof typeof SKIPS
export const SKIP_NAMES = Object.keys(SKIPS) as [Skip, ...Skip[]]

/** JSON has no word for these three; everywhere in the API they stand as text. */
export const MetricValue = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])
export type MetricValue = z.infer<typeof MetricValue>

const step = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const at = z.int().min(0).max(8.64e15).describe('epoch milliseconds')

export const Progress = z.object({ step, total: step.nullable(), leftMs: z.number().min(0).nullable() })
export type Progress = z.infer<typeof Progress>

const Column = <T extends z.ZodType>(of: T) => z.array(of).max(MAX_BATCH_POINTS)

/** What a host has read of one source, from the offset of the request up to `to`. Lists of a series are equally long. */
export const MetricBatch = z.object({
  to: z.int().min(0).describe('bytes of the source that are read with this'),
  final: z.boolean().default(false),
  state: z.string().max(2000).default('').describe('given back to whoever goes on from here'),
  series: z
    .array(
      z.object({
        name: z.string().max(10 * MAX_METRIC_NAME),
        steps: Column(step.nullable()),
        at: Column(at),
        values: Column(MetricValue),
      }),
    )
    .max(MAX_BATCH_POINTS),
  progress: Progress.nullable().default(null),
  skipped: z.partialRecord(z.enum(SKIP_NAMES), z.int().min(0)).default({}),
})
export type MetricBatch = z.infer<typeof MetricBatch>

export function toMetricValue(value: number): MetricValue {
  return Number.isFinite(value) ? value : (String(value) as MetricValue)
}

/** A name may stand in a URL, a table and a file: printable, not empty, not too long. */
export function isMetricName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return name.trim() !== '' && name.length <= MAX_METRIC_NAME && !/[\x00-\x1f\x7f-\x9f]/.test(name)
}
