import type { Command } from 'commander'
import type { UpOptions } from '../../up.js'
import { wholeNumber } from '../options.js'

/** `anneal up`: everything on one machine, until Ctrl-C. */
export function define(command: Command): void {
  command
    .option('--home <folder>', 'where everything is kept; default ANNEAL_HOME, or ~/.anneal')
    .option('--host <address>', 'to listen on; default 127.0.0.1')
    .option('--port <port>', 'of the API; default 7480', wholeNumber)
    .option('--gateway-port <port>', "of the vendors' APIs; default 7481, 0 for any free one", wholeNumber)
    .option('--temporal-port <port>', 'of Temporal; default a free one', wholeNumber)
    .option('--devices <count>', 'that many CPU slots in place of the GPUs that are found', wholeNumber)
    .option('--gateway-open', 'the gateway asks for no credentials; only on loopback, for trials')
    .option('--stop-jobs', 'stop the jobs too when it is stopped; they go on otherwise')
    .option('--insecure', 'allow another address than loopback without TLS')
    .action(async (options: UpOptions) => {
      const { up } = await import('../../up.js')
      await up(options)
      process.exit() // all is closed; a worker whose Temporal is away would hold the process
    })
}
