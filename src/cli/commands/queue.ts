import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'
import { between } from '../text.js'

/** `anneal queue`: the jobs that wait for devices, in their order. */
export function define(command: Command): void {
  withServer(command.option('--pool <pool>', 'which queue', 'default')).action(
    async (flags: ServerFlags & { pool: string }) => {
      const entries = await connect(flags).listQueue(flags.pool)
      if (flags.json) return printJson({ pool: flags.pool, entries })
      if (entries.length === 0) return say(`nobody waits in pool ${flags.pool}`)
      const head = ['POSITION', 'ID', 'NAME', 'ATTEMPT', 'PRIORITY', 'NODES', 'DEVICES', 'WAITING']
      const rows = entries.map((e) => [
        String(e.position),
        e.jobId,
        e.name,
        String(e.attempt),
        String(e.priority),
        String(e.nodes),
        String(e.devices),
        between(e.queuedAt, null),
      ])
      print(table([head, ...rows]))
    },
  )
}
