import type { Command } from 'commander'
import type { Client, Event } from '../../client/index.js'
import { connect } from '../connection.js'
import { sayBreaks } from '../follow.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { eventDetails, localTime } from '../text.js'

interface Flags extends ServerFlags {
  follow?: boolean
}

/** Entries that the server gives in one page at most. */
const PAGE = 500

/** `anneal events REF`: the timeline of a job. */
export function define(command: Command): void {
  command
    .argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
    .option('-f, --follow', 'go on until the job has ended; with --json one line for each entry')
  withServer(command).action(async (ref: string, flags: Flags) => {
    const client = connect(flags)
    const { id } = await client.showJob(ref)
    if (flags.follow) {
      for await (const event of client.followEvents(id, { ...sayBreaks() }))
        print(flags.json ? JSON.stringify(event) : line(event))
      return
    }
    const events = await allEvents(client, id)
    if (flags.json) return printJson({ events })
    for (const event of events) print(line(event))
  })
}

async function allEvents(client: Client, id: string): Promise<Event[]> {
  const events: Event[] = []
  for (;;) {
    const page = await client.listEvents(id, { after: events.at(-1)?.seq ?? 0, limit: PAGE })
    events.push(...page)
    if (page.length < PAGE) return events
  }
}

function line(event: Event): string {
  const attempt = event.attempt === null ? '' : `#${event.attempt}`
  return `${localTime(event.at)}  ${attempt.padEnd(3)}  ${event.type.padEnd(14)}  ${event.actor}  ${eventDetails(event)}`.trimEnd()
}
