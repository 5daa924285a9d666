import type { Parameters, SweepPlan, TrialData, Value } from './sweep.js'

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g
const WHOLE = /^\{\{\s*([^{}]*?)\s*\}\}$/
/** What takes text and nothing else; elsewhere a placeholder that is all of a string stands for the value itself, such as a number. */
const TEXTS = ['command', 'setup', 'env', 'tags', 'name']
const NAME_LENGTH = 63

/** The variable in which a trial finds a parameter: ANNEAL_PARAM_LR for `lr`, ANNEAL_PARAM_MODEL_DIM for `model.dim`. */
export function variableOf(parameter: string): string {
  return `ANNEAL_PARAM_${parameter.toUpperCase().replace(/[^A-Z0-9_]/g, '_')}`
}

/** Every placeholder of a description, with the path at which it stands. */
export function placeholdersOf(value: unknown, path = 'job'): { path: string; name: string }[] {
  if (typeof value === 'string') return [...value.matchAll(PLACEHOLDER)].map(([, name = '']) => ({ path, name }))
  if (Array.isArray(value)) return value.flatMap((item, i) => placeholdersOf(item, `${path}[${i}]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => placeholdersOf(item, `${path}.${key}`))
}

/** The description of one trial's job, not parsed yet: the plan's with the parameters in it. */
export function jobOfTrial(
  plan: Pick<SweepPlan, 'method' | 'name' | 'size' | 'job'>,
  key: string,
  { parameters }: TrialData,
): Record<string, unknown> {
  const isArray = plan.method === 'array'
  const filled = isArray ? withIndex(plan.job, parameters) : fill(plan.job, parameters)
  const env = typeof filled.env === 'object' && filled.env !== null ? filled.env : {}
  const own = isArray ? arrayVariables(plan.size, parameters) : trialVariables(key, parameters)
  return { ...filled, name: nameOfTrial(plan.name, key), env: { ...env, ...own } }
}

/** `digits-17`; a long name is cut, so that the number is not. */
function nameOfTrial(name: string, key: string): string {
  return `${name.slice(0, NAME_LENGTH - 1 - key.length).replace(/[._-]+$/, '')}-${key}`
}

function trialVariables(key: string, parameters: Parameters): Record<string, string> {
  const each = Object.entries(parameters).map(([name, value]) => [variableOf(name), String(value)])
  return { ANNEAL_TRIAL: key, ANNEAL_PARAMS: JSON.stringify(parameters), ...Object.fromEntries(each) }
}

function arrayVariables(size: number, { index, item }: Parameters): Record<string, string> {
  const all = { ANNEAL_ARRAY_INDEX: String(index), ANNEAL_ARRAY_SIZE: String(size) }
  return item === undefined ? all : { ...all, ANNEAL_ARRAY_ITEM: String(item) }
}

function fill(job: Record<string, unknown>, parameters: Parameters): Record<string, unknown> {
  const entries = Object.entries(job).map(([key, value]) => [key, filled(value, parameters, TEXTS.includes(key))])
  return Object.fromEntries(entries)
}

function filled(value: unknown, parameters: Parameters, isText: boolean): unknown {
  if (typeof value === 'string') return filledText(value, parameters, isText)
  if (Array.isArray(value)) return value.map((item) => filled(item, parameters, isText))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, parameters, isText)]))
}

function filledText(text: string, parameters: Parameters, isText: boolean): Value {
  const whole = isText ? undefined : WHOLE.exec(text)?.[1]
  if (whole !== undefined && Object.hasOwn(parameters, whole)) return parameters[whole] as Value
  return text.replace(PLACEHOLDER, (found, name: string) =>
    Object.hasOwn(parameters, name) ? String(parameters[name]) : found,
  )
}

/** `{}` in each word of the command; in a line for the shell what is put there is one word of it, whatever it contains. */
function withIndex(job: Record<string, unknown>, { index, item }: Parameters): Record<string, unknown> {
  const { command } = job
  const text = String(item ?? index)
  if (typeof command === 'string') return { ...job, command: command.replaceAll('{}', () => quoted(text)) }
  if (!Array.isArray(command)) return job
  return {
    ...job,
    command: command.map((word) => (typeof word === 'string' ? word.replaceAll('{}', () => text) : word)),
  }
}

function quoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
