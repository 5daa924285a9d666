import type { Command } from 'commander'
import type { Client, Sweep, SweepSummary, Trial, TrialFilter } from '../client/index.js'
import { formatDuration } from '../schema/duration.js'
import type { GroupOutcome } from '../schema/group.js'
import { REASON_FACTS } from '../schema/outcome.js'
import { connect } from './connection.js'
import { EXIT } from './exit-code.js'
import { sayBreaks } from './follow.js'
import { duration, type ServerFlags, wholeNumber, withServer } from './options.js'
import { paint, plain, print, printJson, say, table } from './output.js'
import { between, localTime } from './text.js'

/** Exit code for a sweep or an array that ended so (docs/cli.md). */
export const SWEEP_EXIT: Record<GroupOutcome['reason'], number> = {
  completed: 0,
  failed: 1,
  stopped: REASON_FACTS.stopped.exitCode,
  total_time_limit: REASON_FACTS.total_time_limit.exitCode,
}

/** The verbs that sweeps and arrays share. */
export function withSweepVerbs(command: Command, noun: 'sweep' | 'array'): void {
  const ref = 'id, beginning of an id, or name (the newest of it)'
  const list = command.command('list').description(`list ${noun}s, newest first`)
  withServer(list.option('--limit <count>', 'at most so many', wholeNumber, 50)).action(
    async (flags: ServerFlags & { limit: number }) => {
      const { sweeps } = await connect(flags).listSweeps({
        arrays: noun === 'array',
        limit: Math.min(500, flags.limit),
      })
      if (flags.json) return printJson({ [`${noun}s`]: sweeps })
      if (sweeps.length === 0) return say(`no ${noun}s`)
      print(table([['ID', 'NAME', 'METHOD', 'STATE', 'AGE'], ...sweeps.map(row)]))
    },
  )
  const stop = command.command('stop').description('stop its jobs, and begin no other').argument('<ref>', ref)
  withServer(stop).action(async (which: string, flags: ServerFlags) => {
    const sweep = await connect(flags).stopSweep(which)
    if (flags.json) return printJson(sweep)
    print(headLine(sweep))
    if (sweep.state !== 'ended') say(`wait for its end with: anneal ${noun} wait ${sweep.id}`)
  })
  const wait = command
    .command('wait')
    .description('wait until it has ended; the exit code says how')
    .argument('<ref>', ref)
    .option('--timeout <duration>', `give up after that, such as 10m, with exit code ${EXIT.timedOut}`, duration)
  withServer(wait).action(async (which: string, flags: ServerFlags & { timeout?: number }) => {
    await waitAndSay(connect(flags), which, flags)
  })
}

function row({ id, name, method, state, outcome, createdAt }: SweepSummary): string[] {
  return [id, name, method, outcome?.reason ?? state, between(createdAt, null)]
}

/** Waits with a line of progress on a terminal, prints how it ended and sets the exit code. */
export async function waitAndSay(
  client: Client,
  ref: string,
  flags: ServerFlags & { timeout?: number },
): Promise<void> {
  const signal = flags.timeout === undefined ? undefined : AbortSignal.timeout(flags.timeout)
  const progress = newProgress()
  try {
    const sweep = await client.waitForSweep(ref, { signal, onLook: progress.show, ...sayBreaks() })
    progress.end()
    if (flags.json) printJson(sweep)
    else await printEnd(client, sweep)
    process.exitCode = sweep.outcome ? SWEEP_EXIT[sweep.outcome.reason] : 0
  } catch (error) {
    progress.end()
    if (!signal?.aborted) throw error
    say(`error: not ended within ${formatDuration(flags.timeout ?? 0)}`)
    say(`next: wait longer, or see anneal sweep show ${ref}`)
    process.exitCode = EXIT.timedOut
  }
}

/** One line that is written again and again, where somebody looks. */
function newProgress(): { show(sweep: Sweep): void; end(): void } {
  const from = Date.now()
  let first: number | undefined
  const isTerminal = process.stderr.isTTY
  return {
    show(sweep) {
      first ??= doneOf(sweep)
      if (isTerminal) process.stderr.write(`\r\x1b[K${progressText(sweep, first, Date.now() - from)}`)
    },
    end() {
      if (isTerminal) process.stderr.write('\r\x1b[K')
    },
  }
}

function doneOf({ trials: { completed, failed, skipped } }: Sweep): number {
  return completed + failed + skipped
}

/** `412 of 1000 done, 8 running, 3 failed, about 6 min 12 s left`; `first` were done when the look began, `elapsed` ms ago. */
export function progressText(sweep: Sweep, first: number, elapsed: number): string {
  const { running, failed } = sweep.trials
  const done = doneOf(sweep)
  const left = done > first ? (elapsed / (done - first)) * (sweep.size - done) : undefined
  const time = left === undefined || done === sweep.size ? '' : `, about ${formatDuration(left)} left`
  return `${done} of ${sweep.size} done, ${running} running, ${failed} failed${time}`
}

async function printEnd(client: Client, sweep: Sweep): Promise<void> {
  print(headLine(sweep))
  if (sweep.best) print(bestText(sweep, sweep.best))
  if (sweep.trials.failed > 0) print(await failedTable(client, sweep))
}

export function headLine({ id, name, state, outcome }: Sweep): string {
  if (!outcome) return `${id}  ${name}  ${state}`
  const colour = outcome.reason === 'completed' ? 'green' : 'red'
  return `${id}  ${name}  ${paint(process.stdout, colour, outcome.reason)}: ${plain(outcome.message)}`
}

/** `best: trial 7, accuracy 0.98, lr=0.1 layers=4, job 01…` */
export function bestText({ metric }: Sweep, { key, value, parameters, jobId }: Trial): string {
  return plain(`best: trial ${key}, ${metric?.name} ${value}, ${parametersText(parameters)}, job ${jobId}`)
}

export function parametersText(parameters: Trial['parameters']): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

/** What stands above the table of trials. */
export function headText(sweep: Sweep): string {
  const { waiting, queued, running, completed, stopped, failed, skipped } = sweep.trials
  const counts = { waiting, queued, running, completed, failed, skipped }
  const shown = Object.entries(counts).filter(([, count]) => count > 0)
  const words = shown.map(([word, count]) => {
    const poor = word === 'completed' && stopped > 0 ? ` (${stopped} stopped early)` : ''
    return `${count} ${word}${poor}`
  })
  const lines = [
    headLine(sweep),
    `${sweep.method}, ${sweep.size} in all: ${words.join(', ')}`,
    `submitted ${localTime(sweep.createdAt)} by ${sweep.createdBy}, took ${between(sweep.createdAt, sweep.endedAt)}`,
  ]
  return [...lines, ...(sweep.best ? [bestText(sweep, sweep.best)] : [])].join('\n')
}

/** Trials that a table shows unless all are asked for. */
const SHOWN = 20
const PAGE = 1_000

/** Those that are asked for, page after page. */
export async function readTrials(client: Client, ref: string, query: TrialFilter, most: number): Promise<Trial[]> {
  const trials: Trial[] = []
  for (let cursor: number | null = 0; cursor !== null && trials.length < most; ) {
    const limit = Math.min(PAGE, most - trials.length)
    const page = await client.listTrials(ref, { ...query, limit, cursor })
    trials.push(...page.trials)
    cursor = page.next
  }
  return trials
}

/** Which of its tasks failed, why, and as which job. */
export async function failedTable(client: Client, sweep: Sweep): Promise<string> {
  const failed = await readTrials(client, sweep.id, { state: 'failed' }, SHOWN)
  const rows = failed.map(({ key, reason, note, jobId }) => [key, reason ?? '-', jobId ?? '-', plain(note ?? '')])
  const more = sweep.trials.failed - failed.length
  return [table([['FAILED', 'REASON', 'JOB', 'WHY'], ...rows]), ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}

/** Trials with their parameters, the best first; without `all` the first of them. */
export async function trialTable(client: Client, sweep: Sweep, all: boolean): Promise<string> {
  const trials = await readTrials(client, sweep.id, { order: 'best' }, all ? Number.POSITIVE_INFINITY : SHOWN)
  const names = [...new Set(trials.flatMap(({ parameters }) => Object.keys(parameters)))]
  const head = ['TRIAL', sweep.metric?.name ?? 'VALUE', 'STATE', ...names, 'RUNNING', 'JOB']
  const rows = trials.map((trial) => [
    trial.key,
    trial.value === null ? '-' : String(trial.value),
    stateText(trial),
    ...names.map((name) => plain(String(trial.parameters[name] ?? ''))),
    between(trial.startedAt, trial.endedAt),
    trial.jobId ?? '-',
  ])
  const more = sweep.size - trials.length
  return [table([head, ...rows]), ...(more > 0 ? [`and ${more} more; see them with --all`] : [])].join('\n')
}

function stateText({ state, stopped, reason, jobState }: Trial): string {
  if (stopped) return 'stopped'
  if (state === 'failed') return reason ?? 'failed'
  return state === 'running' ? (jobState ?? state) : state
}
