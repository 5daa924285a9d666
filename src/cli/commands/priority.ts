import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { standing } from '../text.js'

/** `anneal priority REF N`: changes the place in the queue at once. */
export function define(command: Command): void {
  command
    .argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
    .argument('<priority>', '0 to 100, higher first', wholeNumber)
  withServer(command).action(async (ref: string, priority: number, flags: ServerFlags) => {
    const job = await connect(flags).changePriority(ref, priority)
    if (flags.json) return printJson(job)
    const place = job.position === null ? standing(job) : `position ${job.position} in pool ${job.pool}`
    print(`${job.id}  ${job.name}  priority ${job.priority}, ${place}`)
  })
}
