import type { PipelinePlan, Plan, SweepPlan } from '../client/index.js'
import { plain, table } from './output.js'

/** Characters of a command that a line shows. */
const SHOWN_OF_COMMAND = 60

/** What a sweep or an array would run, `noun` being what one of it is called. */
export function sweepPlanText({ name, method, size, window, trials }: SweepPlan, noun: 'trial' | 'task'): string {
  const names = [...new Set(trials.flatMap(({ parameters }) => Object.keys(parameters)))]
  const rows = trials.map(({ key, parameters, command, plan }) => [
    key,
    ...names.map((one) => plain(String(parameters[one] ?? ''))),
    placeText(plan),
    commandText(command),
  ])
  return [
    `${name} would run ${size} ${noun}s (${method}), ${window} of them in the queue or running at once`,
    table([[noun.toUpperCase(), ...names, 'STARTS', 'RUNS'], ...rows]),
    ...moreText(size - trials.length),
  ].join('\n')
}

export function pipelinePlanText({ name, size, maxParallel, members }: PipelinePlan): string {
  const rows = members.map(({ key, kind, needs, when, forEach, job }) => [
    forEach === null ? key : `${key}, for each of ${forEach}`,
    needs.join(',') || '-',
    plain(when ?? ''),
    job ? placeText(job.plan) : '-',
    job ? commandText(job.command) : kind,
  ])
  return [
    `${name} would run ${size} steps, ${maxParallel} of them at once at most`,
    table([['STEP', 'NEEDS', 'WHEN', 'STARTS', 'RUNS'], ...rows]),
    ...moreText(size - members.length),
  ].join('\n')
}

function moreText(more: number): string[] {
  return more > 0 ? [`and ${more} more`] : []
}

/** Where its job would begin if it were the next one. */
function placeText({ fits, hosts, shortOf }: Plan): string {
  if (hosts.length > 0) return `at once on ${hosts.join(', ')}`
  return fits ? `waits for ${shortOf.join(', ')}` : `not at present: short of ${shortOf.join(', ')}`
}

function commandText(command: string | string[] | null): string {
  const line = plain([command ?? 'a fine-tune'].flat().join(' '))
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > SHOWN_OF_COMMAND ? `${line.slice(0, SHOWN_OF_COMMAND - 1)}…` : line
}
