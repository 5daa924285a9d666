import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { standing } from '../text.js'

/** `anneal pause REF`: lets a job give back what it holds, and wait until it is resumed. */
export function define(command: Command): void {
  command.argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
  withServer(command).action(async (ref: string, flags: ServerFlags) => {
    const job = await connect(flags).pauseJob(ref)
    if (flags.json) return printJson(job)
    print(`${job.id}  ${job.name}  ${standing(job)}`)
    if (job.state !== 'ended') say(`resume it with: anneal resume ${job.id}`)
  })
}
