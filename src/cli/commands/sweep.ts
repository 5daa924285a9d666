import type { Command } from 'commander'
import type { Sweep } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { sweepPlanText } from '../group-plan.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { planSweepFile, submitSweepFile } from '../sweep-file.js'
import { bestText, headText, readTrials, trialTable, waitAndSay, withSweepVerbs } from '../sweeps.js'

const REF = 'id, beginning of an id, or name (the newest of it)'

/** `anneal sweep submit|list|show|best|wait|stop|resume`. */
export function define(command: Command): void {
  submit(command)
  withSweepVerbs(command, 'sweep')
  const show = command
    .command('show')
    .description('show a sweep and its trials, the best first')
    .argument('<ref>', REF)
    .option('--all', 'all trials, not only the first')
  withServer(show).action(showSweep)
  const best = command.command('best').description('print the best trial so far').argument('<ref>', REF)
  withServer(best).action(async (ref: string, flags: ServerFlags) => {
    const sweep = await connect(flags).showSweep(ref)
    if (!sweep.best) throw noBest(sweep)
    if (flags.json) return printJson(sweep.best)
    print(bestText(sweep, sweep.best))
  })
  const resume = command
    .command('resume')
    .description('go on with the trials that a stop has kept from their end')
    .argument('<ref>', REF)
    .option('--retry-failed', 'with those that have failed, too')
  withServer(resume).action(async (ref: string, flags: ServerFlags & { retryFailed?: boolean }) => {
    const { count, sweep } = await connect(flags).resumeSweep(ref, flags.retryFailed ? 'all' : 'stopped')
    if (flags.json) return printJson(sweep)
    print(sweep.id)
    say(`${count} of its trials go on; follow them with: anneal sweep wait ${sweep.id}`)
  })
}

function submit(command: Command): void {
  const verb = command
    .command('submit')
    .description('submit the sweep that a file describes')
    .argument('<file>', 'YAML or JSON; - is stdin')
    .option('--wait', 'return when it has ended; the exit code says how')
    .option('--dry-run', 'submit nothing; say what the trials would run, and where they would start')
    .option('--idempotency-key <key>', 'the same key and description give the same sweep, however often it is sent')
  type Flags = ServerFlags & { wait?: boolean; dryRun?: boolean; idempotencyKey?: string }
  withServer(verb).action(async (file: string, flags: Flags) => {
    const client = connect(flags)
    if (flags.dryRun) {
      const plan = await planSweepFile(client, file)
      return flags.json ? printJson(plan) : print(sweepPlanText(plan, 'trial'))
    }
    const { sweep, existed } = await submitSweepFile(client, file, flags.idempotencyKey)
    if (existed) say(`this key has been used for the same sweep before: it is ${sweep.id}`)
    if (flags.wait) {
      say(`submitted ${sweep.name} with ${sweep.size} trials as ${sweep.id}`)
      return waitAndSay(client, sweep.id, flags)
    }
    if (flags.json) return printJson(sweep)
    print(sweep.id)
    say(`submitted ${sweep.name} with ${sweep.size} trials; see them with: anneal sweep show ${sweep.id}`)
  })
}

async function showSweep(ref: string, flags: ServerFlags & { all?: boolean }): Promise<void> {
  const client = connect(flags)
  const sweep = await client.showSweep(ref)
  if (!flags.json) return print(`${headText(sweep)}\n\n${await trialTable(client, sweep, flags.all ?? false)}`)
  if (!flags.all) return printJson(sweep)
  const all = await readTrials(client, sweep.id, { order: 'best' }, Number.POSITIVE_INFINITY)
  printJson({ ...sweep, allTrials: all })
}

function noBest({ id, metric }: Sweep): Failure {
  if (!metric)
    return new Failure('state_conflict', `Sweep ${id} has no metric, so no trial is its best`, {
      next: 'give it one: metric: { name: loss, goal: min }',
    })
  return new Failure('state_conflict', `No trial of sweep ${id} has reported ${metric.name} yet`, {
    next: `see what they do: anneal sweep show ${id}`,
  })
}
