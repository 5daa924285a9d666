import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson } from '../output.js'

interface Flags extends ServerFlags {
  queue?: string
  run?: string
  total?: string
}

/** `anneal extend REF --run 4h`: gives a job more time, also while its clock runs. */
export function define(command: Command): void {
  command
    .argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
    .option('--queue <duration>', 'more time to wait for the first device')
    .option('--run <duration>', 'more time for each attempt, the running one too')
    .option('--total <duration>', 'more time for the whole job')
  withServer(command).action(async (ref: string, { queue, run, total, ...flags }: Flags) => {
    const more = { ...(queue ? { queue } : {}), ...(run ? { run } : {}), ...(total ? { total } : {}) }
    const job = await connect(flags).extendLimits(ref, more)
    if (flags.json) return printJson(job)
    const { timeouts } = job.spec
    const limits = (['queue', 'run', 'total'] as const)
      .filter((limit) => more[limit])
      .map((limit) => [limit, timeouts[limit]])
    print(`${job.id}  ${job.name}  ${limits.map(([limit, time]) => `${limit} limit now ${time}`).join(', ')}`)
  })
}
