import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, table } from '../output.js'

/** `anneal pool list`. */
export function define(command: Command): void {
  const list = command.command('list').description('list pools with their devices and who waits')
  withServer(list).action(async (flags: ServerFlags) => {
    const pools = await connect(flags).listPools()
    if (flags.json) return printJson({ pools })
    const head = ['POOL', 'HOSTS', 'DEVICES', 'FREE', 'WAITING', 'ON SILENCE']
    const rows = pools.map((p) => [
      p.name,
      String(p.hosts),
      String(p.devices),
      String(p.free),
      String(p.waiting),
      p.onSilence,
    ])
    print(table([head, ...rows]))
  })
}
