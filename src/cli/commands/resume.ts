import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { standing } from '../text.js'

/** `anneal resume REF`: lets a paused job wait for devices again, in its old place. */
export function define(command: Command): void {
  command.argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
  withServer(command).action(async (ref: string, flags: ServerFlags) => {
    const job = await connect(flags).resumeJob(ref)
    if (flags.json) return printJson(job)
    print(`${job.id}  ${job.name}  ${standing(job)}`)
  })
}
