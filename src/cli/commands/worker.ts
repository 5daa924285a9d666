import type { Command } from 'commander'

/** `anneal worker`: the workflows alone, with DATABASE_URL and TEMPORAL_ADDRESS. */
export function define(command: Command): void {
  command.option('--home <folder>', 'default ANNEAL_HOME, or ~/.anneal').action(async (options: { home?: string }) => {
    const { workerMain } = await import('../../worker.js')
    await workerMain(options)
  })
}
