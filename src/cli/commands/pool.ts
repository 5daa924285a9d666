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
  withServer(set).action(async (name: string, flags: ServerFlags & { preempt?: boolean }) => {
    if (flags.preempt === undefined) {
      throw new Failure('invalid_request', 'Nothing to change', { next: 'say --preempt or --no-preempt' })
    }
    const pool = await connect(flags).setPool(name, { preempts: flags.preempt })
    if (flags.json) return printJson(pool)
    print(`${pool.name}  ${pool.preempts ? 'preempts: lower priorities give way' : 'does not preempt'}`)
  })
}
