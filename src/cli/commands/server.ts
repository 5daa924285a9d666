import type { Command } from 'commander'
import type { ServerOptions } from '../../server.js'
import { duration, wholeNumber } from '../options.js'

/** `anneal server`: the API alone, with DATABASE_URL and TEMPORAL_ADDRESS. */
export function define(command: Command): void {
  command
    .option('--home <folder>', 'for blobs; default ANNEAL_HOME, or ~/.anneal')
    .option('--host <address>', 'to listen on; default 127.0.0.1')
    .option('--port <port>', 'default 7480', wholeNumber)
    .option('--gateway-port <port>', "of the vendors' APIs; default 7481, 0 for any free one", wholeNumber)
    .option('--drain <duration>', 'serve on after SIGTERM, until balancers have noticed; default 2s', duration)
    .option('--insecure', 'allow another address than loopback without TLS')
    .action(async (options: ServerOptions) => {
      const { serverMain } = await import('../../server.js')
      await serverMain(options)
    })
}
