import type { Command } from 'commander'
import type { Quota, QuotaKey } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'

interface Flags extends ServerFlags, QuotaKey {
  devices?: number
  running?: number
  queued?: number
}

/** `anneal quota set|list|unset`: what a project, or one user of it, may have at once. */
export function define(command: Command): void {
  const set = withKey(command.command('set').description('set limits; those of a quota that are not named stay'))
    .option('--devices <count>', 'devices held at once; more wait in the queue', wholeNumber)
    .option('--running <count>', 'attempts at once; more wait in the queue', wholeNumber)
    .option('--queued <count>', 'jobs at once that have not ended; more are refused', wholeNumber)
  withServer(set).action(async (flags: Flags) => {
    const { devices, running, queued } = flags
    const limits = Object.entries({ devices, running, queued }).filter(([, limit]) => limit !== undefined)
    if (limits.length === 0)
      throw new Failure('invalid_request', 'Nothing to set', { next: 'say --devices, --running or --queued' })
    show(flags, await connect(flags).setQuota({ ...keyOf(flags), ...Object.fromEntries(limits) }))
  })
  withServer(command.command('list').description('list quotas, with what is used of each')).action(
    async (flags: ServerFlags) => show(flags, await connect(flags).listQuotas()),
  )
  const unset = withKey(command.command('unset').description('take a quota away'))
  withServer(unset).action(async (flags: Flags) => show(flags, await connect(flags).unsetQuota(keyOf(flags))))
}

function withKey(command: Command): Command {
  return command
    .requiredOption('--project <project>', 'whose quota it is')
    .option('--user <user>', 'one user of it: the id of a token, or who submitted as `anneal show` says it')
    .option('--pool <pool>', 'what is held in that pool; without it in all of them')
}

function keyOf({ project, user, pool }: QuotaKey): QuotaKey {
  return { project, ...(user ? { user } : {}), ...(pool ? { pool } : {}) }
}

function show({ json }: ServerFlags, quotas: Quota[]): void {
  if (json) printJson({ quotas })
  else if (quotas.length === 0) say('no quotas; set one with: anneal quota set --project default --devices 8')
  else print(page(quotas))
}

function page(quotas: Quota[]): string {
  const head = ['PROJECT', 'USER', 'POOL', 'DEVICES', 'RUNNING', 'QUEUED']
  const rows = quotas.map((q) => [
    q.project,
    q.user ?? 'all',
    q.pool ?? 'all',
    ...(['devices', 'running', 'queued'] as const).map((limit) =>
      q[limit] === null ? '-' : `${q.used[limit]} of ${q[limit]}`,
    ),
  ])
  return table([head, ...rows])
}
