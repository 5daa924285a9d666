import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { ArraySpec, Client, Sweep } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { sweepPlanText } from '../group-plan.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { type JobFlags, withJobFlags } from '../spec/job-flags.js'
import { checkSize } from '../spec/size.js'
import { locating, prepare, readWithoutFolder } from '../submit.js'
import { failedTable, headText, trialTable, waitAndSay, withSweepVerbs } from '../sweeps.js'

interface Flags extends JobFlags, ServerFlags {
  count?: number
  range?: { from: number; to: number; step: number }
  items?: string
  window?: number
  maxFailures?: number
  file?: string
  wait?: boolean
  dryRun?: boolean
  retryFailed?: string
}

const REF = 'id, beginning of an id, or name (the newest of it)'

/** `anneal array -n 1000 -- python task.py {}`: one job for each index or item; and its verbs. */
export function define(command: Command): void {
  command
    .enablePositionalOptions()
    .argument('[command...]', 'the program and its arguments, after --; {} in it is the index, or the item')
    .passThroughOptions()
    .option('-n, --count <count>', 'so many tasks, with the indexes 0 to count - 1', wholeNumber)
    .option('--range <range>', 'indexes such as 10-20, or 0-100:5', range)
    .option('--items <file>', 'a task for each line; - is stdin')
    .option('--window <count>', 'jobs that wait or run at once; default twice the devices, from 16 to 256', wholeNumber)
    .option('--max-failures <count>', 'when more tasks than that have failed, the rest is stopped', wholeNumber)
    .option('-f, --file <file>', 'a job file in place of the command, or with another command than its own')
    .option('--wait', 'return when it has ended; the exit code is 0 only when every task has completed')
    .option('--dry-run', 'submit nothing; say what the tasks would run, and where they would start')
    .option('--retry-failed <ref>', 'submit nothing new: as `anneal array retry-failed`')
  withServer(withJobFlags(command)).action(async (words: string[], flags: Flags) => {
    if (flags.retryFailed !== undefined) return retryFailed(flags.retryFailed, flags)
    await submit(connect(flags), words, flags)
  })
  withSweepVerbs(command, 'array')
  verbs(command)
}

function verbs(command: Command): void {
  const show = command
    .command('show')
    .description('show an array and the tasks that failed')
    .argument('<ref>', REF)
    .option('--all', 'every task')
  withServer(show).action(async (ref: string, flags: ServerFlags & { all?: boolean }) => {
    const client = connect(flags)
    const array = await client.showSweep(ref)
    if (flags.json) return printJson(array)
    print(headText(array))
    if (flags.all) print(`\n${await trialTable(client, array, true)}`)
    else if (array.trials.failed > 0) print(`\n${await failedTable(client, array)}`)
  })
  const retry = command
    .command('retry-failed')
    .description('give the tasks that failed a new job, in the same array')
    .argument('<ref>', REF)
    .option('--wait', 'return when it has ended; the exit code is 0 only when every task has completed')
  withServer(retry).action(retryFailed)
  const logs = command
    .command('logs')
    .description('write the log of one task, byte for byte')
    .argument('<ref>', REF)
    .argument('<index>', 'of the task')
  withServer(logs).action(async (ref: string, index: string, flags: ServerFlags) => {
    const { jobId } = await connect(flags).showTrial(ref, index)
    if (jobId === null)
      throw new Failure('state_conflict', `Task ${index} has no job yet`, { next: `see anneal array show ${ref}` })
    const { writeLogs } = await import('./logs.js')
    await writeLogs(jobId, flags)
  })
}

async function submit(client: Client, words: string[], flags: Flags): Promise<void> {
  const tasks = await tasksOf(flags)
  if (flags.file === undefined && words.length === 0)
    throw new Failure('invalid_request', 'There is nothing to run', {
      next: 'name a command, as in `anneal array -n 10 -- python task.py {}`, or a file with -f',
    })
  const source = { file: flags.file, command: words }
  const read = await (flags.dryRun ? readWithoutFolder : prepare)(client, source, flags)
  const { window, maxFailures } = flags
  const { notify, ...job } = read.spec
  const array = { name: String(read.spec.name), ...tasks, window, maxFailures, notify, job } as ArraySpec
  checkSize('the array', Buffer.byteLength(JSON.stringify(array)))
  if (flags.dryRun) {
    const plan = await locating(read, () => client.planArray(array), 'array.job.')
    return flags.json ? printJson(plan) : print(sweepPlanText(plan, 'task'))
  }
  const { sweep, existed } = await locating(read, () => client.submitArray(array, flags.idempotencyKey), 'array.job.')
  if (existed) say(`this key has been used for the same array before: it is ${sweep.id}`)
  await tell(client, sweep, `submitted ${sweep.name} with ${sweep.size} tasks`, flags)
}

async function tell(client: Client, array: Sweep, what: string, flags: ServerFlags & { wait?: boolean }) {
  if (flags.wait) {
    say(`${what} as ${array.id}`)
    return waitAndSay(client, array.id, flags)
  }
  if (flags.json) return printJson(array)
  print(array.id)
  say(`${what}; follow them with: anneal array wait ${array.id}`)
}

async function retryFailed(ref: string, flags: ServerFlags & { wait?: boolean }): Promise<void> {
  const client = connect(flags)
  const { count, sweep } = await client.resumeSweep(ref, 'failed')
  await tell(client, sweep, `${count} of its tasks have a new try`, flags)
}

/** Which tasks there are, by just one of the three flags. */
async function tasksOf({ count, range, items }: Flags): Promise<Partial<ArraySpec>> {
  const given = [count, range, items].filter((flag) => flag !== undefined)
  if (given.length !== 1)
    throw new Failure(
      'invalid_request',
      given.length === 0 ? 'Nothing says which tasks there are' : 'Too much is said',
      {
        next: 'say one of -n, --range and --items',
      },
    )
  if (items !== undefined) return { items: await readItems(items) }
  return range ? { range } : { size: count as number }
}

async function readItems(file: string): Promise<string[]> {
  const { text } = await import('node:stream/consumers')
  const read = file === '-' ? text(process.stdin) : readFile(file, 'utf8')
  const whole = await read.catch((error: NodeJS.ErrnoException) => {
    throw new Failure('not_found', `${file} cannot be read: ${error.message}`, { cause: error, next: 'check the path' })
  })
  const lines = whole.split(/\r?\n/).filter((line) => line !== '')
  if (lines.length > 0) return lines
  throw new Failure('invalid_request', `${file} has no line`, { next: 'write one item on each line' })
}

function range(text: string): { from: number; to: number; step: number } {
  const [, from, to, step = '1'] = /^(\d+)-(\d+)(?::(\d+))?$/.exec(text) ?? []
  if (from === undefined || to === undefined || Number(step) === 0 || Number(to) < Number(from))
    throw new InvalidArgumentError('Expected a range such as 10-20 or 0-100:5.')
  return { from: Number(from), to: Number(to), step: Number(step) }
}
