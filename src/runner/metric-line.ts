/** What one line says. */
export interface Reading {
  /** Null: it names none. */
  step: number | null
  /** Epoch milliseconds; null: it names no time. */
  at: number | null
  values: [name: string, value: number][]
  /** Steps that there will be, where it says so. */
  total?: number
  leftMs?: number
}

/** Names that mean the step, the best first; one that is not taken for it is a metric as any other. */
export const STEP_NAMES = ['step', 'global_step', 'iteration', 'iter']
const TIME_NAMES = ['time', 'ts', 'timestamp', '_timestamp']
const TOTAL_NAMES = ['total_steps', 'max_steps']
/** A smaller number is no time of day but a duration, and so a metric: 2001-09-09, in seconds. */
const FIRST_TIME = 1e9
/** From here on milliseconds. */
const FIRST_MS = 1e11
/** Objects in objects become paths, so deep. */
const DEPTH = 4
const WORDS = new Map([
  ['nan', Number.NaN],
  ['infinity', Infinity],
  ['inf', Infinity],
])

/**
 * A line of `$ANNEAL_METRICS_FILE`: a JSON object whose numbers are metrics; `{"train": {"loss": 1}}` is `train/loss`.
 * Python's NaN and Infinity, which are no JSON, are numbers too, bare or as text. `step`, and a time as `time` or `ts`, say
 * where they belong; `total_steps` how many steps there will be. Undefined for what is no JSON object.
 */
export function parseMetricLine(line: string): Reading | undefined {
  const object = parseObject(line)
  if (object === undefined) return undefined
  const values = new Map<string, number>()
  gather(object, '', values, DEPTH)
  return takeMarks(values, object)
}

/** Takes step, time and total out of named numbers; what is left are the metrics. */
export function takeMarks(values: Map<string, number>, texts: Record<string, unknown> = {}): Reading {
  const stepName = STEP_NAMES.find((name) => isStep(values.get(name)))
  const timeName = TIME_NAMES.find((name) => timeOf(values.get(name) ?? texts[name]) !== null)
  const totalName = TOTAL_NAMES.find((name) => isStep(values.get(name)))
  const step = stepName === undefined ? null : (values.get(stepName) as number)
  const at = timeName === undefined ? null : timeOf(values.get(timeName) ?? texts[timeName])
  const total = totalName === undefined ? undefined : values.get(totalName)
  for (const name of [stepName, timeName, totalName]) if (name !== undefined) values.delete(name)
  return { step, at, values: [...values], ...(total === undefined ? {} : { total }) }
}

/** As Python and JavaScript print numbers, `nan` and `inf` among them; undefined for any other text. */
export function parseNumber(text: string): number | undefined {
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text)
  const word = WORDS.get(text.replace(/^[+-]/, '').toLowerCase())
  return word === undefined ? undefined : text.startsWith('-') ? -word : word
}

function gather(object: Record<string, unknown>, path: string, into: Map<string, number>, depth: number): void {
  for (const [key, value] of Object.entries(object)) {
    const name = path + key
    if (typeof value === 'number') into.set(name, value)
    else if (typeof value === 'string' && /^[+-]?(nan|inf(inity)?)$/i.test(value))
      into.set(name, parseNumber(value) ?? 0)
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth > 1) {
      gather(value as Record<string, unknown>, `${name}/`, into, depth - 1)
    }
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  const value = parseJson(line) ?? parseJson(quoted(line))
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What Python's `json.dumps` writes of floats that JSON does not have, outside of texts, in quotes. */
function quoted(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (found) => (found[0] === '"' ? found : `"${found}"`))
}

function isStep(value: number | undefined): boolean {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0
}

function timeOf(value: unknown): number | null {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]/.test(value)) {
    const at = Date.parse(value)
    return Number.isNaN(at) ? null : at
  }
  if (typeof value !== 'number' || !(value >= FIRST_TIME)) return null
  const at = Math.round(value >= FIRST_MS ? value : value * 1000)
  return at <= 8.64e15 ? at : null
}
