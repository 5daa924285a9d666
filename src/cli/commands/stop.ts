import type { Command } from 'commander'
import { connect } from '../connection.js'
import { sayBreaks } from '../follow.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { outcomeLine, standing } from '../text.js'

interface Flags extends ServerFlags {
  force?: boolean
  wait?: boolean
}

/** `anneal stop REF`: wants the job stopped, and returns at once unless it shall wait. */
export function define(command: Command): void {
  command
    .argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
    .option('--force', 'no grace; and close the job of a silent host, whose devices are then kept apart')
    .option('--wait', 'return when it has ended')
  withServer(command).action(async (ref: string, flags: Flags) => {
    const client = connect(flags)
    const wanted = await client.stopJob(ref, { force: flags.force ?? false })
    const job = flags.wait ? await client.waitFor(wanted.id, { ...sayBreaks() }) : wanted
    if (flags.json) return printJson(job)
    print(`${job.id}  ${job.name}  ${job.outcome ? outcomeLine(job.outcome) : standing(job)}`)
    if (!job.outcome) say(`wait for its end with: anneal wait ${job.id}`)
  })
}
