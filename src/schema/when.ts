/** Which value of a metric is meant; without it the last one. */
export type Which = 'last' | 'min' | 'max'
export interface MetricRef {
  step: string
  name: string
  which: Which
}

export type Operand =
  | { is: 'value'; value: string | number }
  | { is: 'outcome' | 'state'; step: string }
  | ({ is: 'metric' } & MetricRef)
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='
export type When =
  | { is: 'or' | 'and'; parts: When[] }
  | { is: 'not'; part: When }
  | { is: 'call'; name: 'always' | 'success' | 'failure' }
  | { is: 'compare'; left: Operand; by: Comparison; right: Operand }

/** Everything that a condition speaks of. */
export function operandsOf(when: When): Exclude<Operand, { is: 'value' }>[] {
  switch (when.is) {
    case 'or':
    case 'and':
      return when.parts.flatMap(operandsOf)
    case 'not':
      return operandsOf(when.part)
    case 'call':
      return []
    case 'compare':
      return [when.left, when.right].filter((operand) => operand.is !== 'value')
  }
}

/** Whether it says itself what becomes of the step when one before it has failed; else that all were well is a part of it. */
export function minds(when: When): boolean {
  switch (when.is) {
    case 'or':
    case 'and':
      return when.parts.some(minds)
    case 'not':
      return minds(when.part)
    case 'call':
      return true
    case 'compare':
      return [when.left, when.right].some(({ is }) => is === 'outcome' || is === 'state')
  }
}

/** What is true when a condition is looked at. A metric that was never reported is undefined, and no comparison with it holds. */
export interface Seen {
  success: boolean
  failure: boolean
  outcome(step: string): string
  state(step: string): string
  metric(ref: MetricRef): number | undefined
}

export function holds(when: When, seen: Seen): boolean {
  switch (when.is) {
    case 'or':
      return when.parts.some((part) => holds(part, seen))
    case 'and':
      return when.parts.every((part) => holds(part, seen))
    case 'not':
      return !holds(when.part, seen)
    case 'call':
      return when.name === 'always' || seen[when.name]
    case 'compare': {
      const [left, right] = [valueIn(when.left, seen), valueIn(when.right, seen)]
      return left !== undefined && right !== undefined && COMPARE[when.by](left, right)
    }
  }
}

type Value = string | number
const COMPARE: Record<Comparison, (a: Value, b: Value) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

function valueIn(operand: Operand, seen: Seen): Value | undefined {
  if (operand.is === 'value') return operand.value
  if (operand.is === 'metric') return seen.metric(operand)
  return seen[operand.is](operand.step)
}

/** `accuracy of evaluate is 0.87, outcome of train is completed`: why it held or did not. */
export function whatWasSeen(when: When, seen: Seen): string {
  const texts = operandsOf(when).map((operand) => {
    const what = operand.is === 'metric' ? metricText(operand) : operand.is
    const value = valueIn(operand, seen)
    return value === undefined ? `${operand.step} has not reported ${what}` : `${what} of ${operand.step} is ${value}`
  })
  return [...new Set(texts)].join(', ')
}

function metricText({ name, which }: MetricRef): string {
  return which === 'last' ? name : `the ${which} of ${name}`
}
