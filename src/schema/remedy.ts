import type { JobSpec } from './job.js'
import type { Reason } from './outcome.js'

/** How often an end for this reason may be followed by another attempt. */
export function attemptsFor(rule: NonNullable<JobSpec['retry']['on']>[Reason]): number {
  return typeof rule === 'object' ? rule.attempts : (rule ?? 0)
}

/**
 * The environment of the next attempt: each retry that was spent on a reason changes it once more, as the job says:
 * `halve` and `double` count from the value that the job gives (whole, at least 1), any other word is the value.
 */
export function environmentAfter(spec: JobSpec, charged: Partial<Record<Reason, number>>): Record<string, string> {
  const env = { ...spec.env }
  for (const [reason, rule] of Object.entries(spec.retry.on ?? {})) {
    const times = charged[reason as Reason] ?? 0
    if (typeof rule !== 'object' || times === 0) continue
    for (const [name, change] of Object.entries(rule.env)) env[name] = changed(env[name], change, times)
  }
  return env
}

function changed(value: string | undefined, change: string, times: number): string {
  if (change === 'halve') return String(Math.max(1, Math.floor(Number(value) / 2 ** times)))
  if (change === 'double') return String(Math.floor(Number(value)) * 2 ** times)
  return change
}

/** What is wrong with a job's remedies: a change by halves of what is no number. Names the variable; undefined: nothing. */
export function wrongRemedy({ env = {}, retry }: Partial<JobSpec>): { path: string[]; message: string } | undefined {
  for (const [reason, rule] of Object.entries(retry?.on ?? {})) {
    if (typeof rule !== 'object') continue
    for (const [name, change] of Object.entries(rule.env ?? {})) {
      const isCount = /^\d+$/.test(env[name] ?? '')
      if ((change === 'halve' || change === 'double') && !isCount) {
        return {
          path: ['retry', 'on', reason, 'env', name],
          message: `${change} needs a whole number in env.${name}, which is ${env[name] === undefined ? 'not set' : JSON.stringify(env[name])}`,
        }
      }
    }
  }
  return undefined
}
