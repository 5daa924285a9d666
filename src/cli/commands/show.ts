import type { Command } from 'commander'
import type { Attempt, Job } from '../../client/index.js'
import { formatDuration } from '../../schema/duration.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { plain, print, printJson } from '../output.js'
import {
  attemptLine,
  clocksLine,
  costText,
  localTime,
  nearLimitText,
  outcomeLine,
  paintedStanding,
  progressText,
  rankLine,
} from '../text.js'

/** `anneal show REF`: everything about a job, on one page. */
export function define(command: Command): void {
  withServer(command.argument('<ref>', 'id, beginning of an id, or name (the newest of it)')).action(
    async (ref: string, flags: ServerFlags) => {
      const job = await connect(flags).showJob(ref)
      if (flags.json) return printJson(job)
      print(page(job))
    },
  )
}

function page(job: Job): string {
  const rows: [string, string | null][] = [
    ['job', `${job.name}  ${job.id}`],
    ['state', job.outcome ? `${job.state}, ${paintedStanding(job)}` : paintedStanding(job)],
    ['outcome', job.outcome && outcomeLine(job.outcome)],
    ['stop', job.stopWanted && job.state !== 'ended' ? 'wanted' : null],
    ['waits for', job.waitingFor && plain(job.waitingFor)],
    ...job.nearLimits.map((near): [string, string] => ['limit', nearLimitText(job.id, near)]),
    ['progress', job.progress && progressText(job.progress)],
    ['clocks', clocksLine(job.clocks)],
    ...job.cost.filter(isWorthSaying).map((cost, i): [string, string] => [i === 0 ? 'cost' : '', costText(cost)]),
    ['submitted', `${localTime(job.createdAt)} by ${job.createdBy}, pool ${job.pool}, priority ${job.priority}`],
    ['command', job.spec.command === undefined ? null : plain(commandText(job.spec.command))],
    ['fine-tune', job.spec.finetune ? plain(finetuneText(job.spec.finetune)) : null],
    [
      'tags',
      Object.entries(job.tags)
        .map(([name, value]) => plain(`${name}=${value}`))
        .join(' ') || null,
    ],
    ['retry of', job.retryOf],
    ['part of', job.group && `${job.group.kind} ${job.group.name}  ${job.group.id}, as ${job.group.key}`],
    ...inputRows(job),
    ['outputs', outputsText(job)],
    ...attemptRows(job.attempts),
    ...furtherRows(job),
  ]
  const lines = rows.filter((row): row is [string, string] => row[1] !== null)
  return lines.map(([name, text]) => `${name.padEnd(10)}  ${text}`).join('\n')
}

/** Without a price, a job of a few seconds would say 0.00 hours. */
function isWorthSaying({ amount, deviceHours }: Job['cost'][number]): boolean {
  return amount !== null || deviceHours >= 0.005
}

function inputRows({ inputs }: Job): [string, string][] {
  return inputs.map(({ key, jobId, path, artifact, state, problem }, i) => {
    const what = plain(`${artifact ? `${artifact}, ` : ''}job ${jobId}${path === '' ? '' : `, ${path}`}`)
    return [i === 0 ? 'inputs' : '', `${key}: ${what}${state === 'ready' ? '' : `, ${plain(problem ?? state)}`}`]
  })
}

function outputsText({ id, artifactsState }: Job): string | null {
  return artifactsState && `${artifactsState}, see anneal artifact list ${id}`
}

function attemptRows(attempts: readonly Attempt[]): [string, string | null][] {
  return attempts.flatMap((attempt, i): [string, string | null][] => [
    [i === 0 ? 'attempts' : '', attemptLine(attempt)],
    ...attempt.ranks.map((rank): [string, string] => ['', `   ${plain(rankLine(rank))}`]),
    ['', attempt.outcome && attempt.outcome.reason !== 'completed' ? `   ${plain(attempt.outcome.message)}` : null],
    ...remoteRows(attempt.remote),
    ['', attempt.setupCached ? '   setup was there already' : null],
    ['', attempt.resumedFrom ? `   resumed from ${plain(attempt.resumedFrom)}` : null],
    ['', attempt.lostMs ? `   lost ${formatDuration(attempt.lostMs)} of work` : null],
    ['', attempt.checkpoint ? `   last checkpoint ${plain(attempt.checkpoint)}` : null],
  ])
}

function remoteRows(remote: Attempt['remote']): [string, string | null][] {
  if (!remote) return []
  const done = remote.progress === null ? '' : `, ${Math.round(remote.progress * 100)} %`
  const said = remote.status === null ? 'has said nothing yet' : `${plain(remote.status)}${done}`
  return [
    ['', `   ${remote.id === null ? 'not taken yet' : `there ${plain(remote.id)}`}: ${said}`],
    ['', remote.trouble && `   ${plain(remote.trouble)}`],
    ...Object.entries(remote.links).map(([name, url]): [string, string] => ['', `   ${plain(name)} ${plain(url)}`]),
    ...Object.entries(remote.metrics).map(([name, value]): [string, string] => [
      '',
      `   ${plain(name)} ${plain(typeof value === 'string' ? value : JSON.stringify(value))}`,
    ]),
  ]
}

function furtherRows({ id, state }: Job): [string, string][] {
  const commands =
    state === 'ended' ? [`logs ${id}`, `events ${id}`, `retry ${id}`] : [`logs -f ${id}`, `events ${id}`, `stop ${id}`]
  return commands.map((text, i) => [i === 0 ? 'more' : '', `anneal ${text}`])
}

/** As one would type it. */
function finetuneText({ method = 'sft', baseModel, dataset }: NonNullable<Job['spec']['finetune']>): string {
  return `${method} of ${baseModel} on ${dataset.train}`
}

function commandText(command: string | string[]): string {
  if (typeof command === 'string') return command
  return command.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}
