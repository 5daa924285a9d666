import { type Command, Option } from 'commander'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, table } from '../output.js'

/** `anneal pool list`, `anneal pool set NAME`. */
export function define(command: Command): void {
  const list = command.command('list').description('list pools with their devices and who waits')
  withServer(list).action(async (flags: ServerFlags) => {
    const pools = await connect(flags).listPools()
    if (flags.json) return printJson({ pools })
    const head = ['POOL', 'HOSTS', 'DEVICES', 'FREE', 'WAITING', 'ON SILENCE', 'PREEMPTS']
    const rows = pools.map((p) => [
      p.name,
      String(p.hosts),
      String(p.devices),
      String(p.free),
      String(p.waiting),
      p.onSilence,
      p.preempts ? 'yes' : 'no',
    ])
    print(table([head, ...rows]))
  })
  const set = command
    .command('set')
    .description('change what a pool does')
    .argument('<pool>')
    .addOption(new Option('--preempt', 'running jobs of lower priority give way to the head of the queue'))
    .addOption(new Option('--no-preempt', 'they do not, as at first'))
    .addOption(
      new Option(
        '--on-silence <what>',
        'wait for a host that is silent, as at first; or fence: go on elsewhere',
      ).choices(['wait', 'fence']),
    )
  withServer(set).action(async (name: string, flags: ServerFlags & PoolFlags) => {
    const { preempt, onSilence } = flags
    if (preempt === undefined && onSilence === undefined) {
      throw new Failure('invalid_request', 'Nothing to change', { next: 'say --preempt, --no-preempt or --on-silence' })
    }
    const pool = await connect(flags).setPool(name, {
      ...(preempt === undefined ? {} : { preempts: preempt }),
      ...(onSilence === undefined ? {} : { onSilence }),
    })
    if (flags.json) return printJson(pool)
    const preempts = pool.preempts ? 'preempts: lower priorities give way' : 'does not preempt'
    print(`${pool.name}  ${preempts}  ${ON_SILENCE[pool.onSilence]}`)
  })
}

interface PoolFlags {
  preempt?: boolean
  onSilence?: 'wait' | 'fence'
}

const ON_SILENCE = {
  wait: 'waits for a host that is silent',
  fence: 'fences: a job whose host is silent goes on elsewhere',
} as const
