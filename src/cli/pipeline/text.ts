import type { Pipeline, PipelineStep, PipelineSummary } from '../../client/index.js'
import { REASON_FACTS } from '../../schema/outcome.js'
import { paint, plain, table } from '../output.js'
import { between, localTime } from '../text.js'

/** As the table of reasons says it for jobs; a pipeline with a failed step is like a process that failed. */
export function pipelineExitCode({ outcome }: Pick<PipelineSummary, 'outcome'>): number {
  if (!outcome) return 0
  return outcome.reason === 'failed' ? REASON_FACTS.process_failed.exitCode : REASON_FACTS[outcome.reason].exitCode
}

/** `running, 3 of 8 done` or how it ended. */
export function pipelineStanding({ state, outcome, steps }: PipelineSummary): string {
  if (outcome) return outcome.reason
  const count = Object.values(steps).reduce((sum, n) => sum + n, 0)
  const { waiting = 0, running = 0 } = steps
  return `${state}, ${count - waiting - running} of ${count} over`
}

export function pipelineTable(pipelines: PipelineSummary[]): string {
  const rows = pipelines.map((one) => [
    one.id,
    one.name,
    pipelineStanding(one),
    between(one.createdAt, null),
    between(one.createdAt, one.endedAt),
  ])
  return table([['ID', 'NAME', 'STATE', 'AGE', 'TOOK'], ...rows])
}

/** Everything about a pipeline, on one page. */
export function pipelinePage(pipeline: Pipeline): string {
  const { id, name, outcome, createdAt, createdBy, members, totalDeadline, state } = pipeline
  const colour = outcome === null ? 'yellow' : outcome.reason === 'completed' ? 'green' : 'red'
  const rows: [string, string | null][] = [
    ['pipeline', `${name}  ${id}`],
    ['state', paint(process.stdout, colour, pipelineStanding(pipeline))],
    ['outcome', outcome && plain(`${outcome.reason}: ${outcome.message}`)],
    ['limit', totalDeadline && state !== 'ended' ? `it is stopped at ${localTime(totalDeadline)}` : null],
    ['submitted', `${localTime(createdAt)} by ${createdBy}`],
    ...members.flatMap((step) => askRows(pipeline, step)),
    ...furtherRows(pipeline),
  ]
  const lines = rows.filter((row): row is [string, string] => row[1] !== null)
  const head = lines.map(([label, text]) => `${label.padEnd(10)}  ${text}`).join('\n')
  return `${head}\n\n${stepTable(members)}`
}

function askRows({ id }: Pipeline, { key, asksUntil }: PipelineStep): [string, string][] {
  if (asksUntil === null) return []
  return [['waits for', `an answer to ${key} until ${localTime(asksUntil)}: anneal pipeline approve ${id} ${key}`]]
}

function furtherRows({ id, state, outcome }: Pipeline): [string, string][] {
  if (state !== 'ended')
    return [
      ['more', `anneal pipeline wait ${id}`],
      ['', `anneal pipeline stop ${id}`],
    ]
  return outcome?.reason === 'completed' ? [] : [['more', `anneal pipeline resume ${id}`]]
}

function stepTable(members: PipelineStep[]): string {
  const rows = members.map((step) => {
    const { key, needs, job, jobs, note } = step
    const took = job && step.takenFrom === null ? between(job.startedAt, job.endedAt) : '-'
    return [
      key,
      stepState(step),
      needs.join(',') || '-',
      job?.id ?? '-',
      jobs > 1 ? String(jobs) : '',
      took,
      plain(note ?? ''),
    ]
  })
  return table([['STEP', 'STATE', 'NEEDS', 'JOB', 'JOBS', 'TOOK', 'NOTE'], ...rows])
}

function stepState({ state, job, takenFrom, asksUntil }: PipelineStep): string {
  if (asksUntil !== null) return 'asks'
  if (takenFrom !== null) return 'cached'
  return state === 'running' && job ? job.state : state
}
