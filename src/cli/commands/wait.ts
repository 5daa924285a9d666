import type { Command } from 'commander'
import type { Client, Job } from '../../client/index.js'
import { formatDuration } from '../../schema/duration.js'
import { connect } from '../connection.js'
import { EXIT, exitCodeOf } from '../exit-code.js'
import { sayBreaks, sayWarnings } from '../follow.js'
import { duration, type ServerFlags, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { outcomeLine } from '../text.js'

interface Flags extends ServerFlags {
  timeout?: number
}

/** `anneal wait REF...`: until all have ended; the exit code is that of the first that did not complete. */
export function define(command: Command): void {
  command
    .argument('<ref...>', 'ids, beginnings of ids, or names')
    .option('--timeout <duration>', `give up after that, such as 10m, with exit code ${EXIT.timedOut}`, duration)
  withServer(command).action(async (refs: string[], flags: Flags) => {
    const client = connect(flags)
    const waited = await Promise.all(refs.map((ref) => client.showJob(ref)))
    const jobs = await waitForAll(client, waited, flags)
    if (jobs === undefined) return
    if (flags.json) printJson({ jobs })
    process.exitCode = jobs.map(({ outcome }) => (outcome ? exitCodeOf(outcome) : 0)).find((code) => code !== 0) ?? 0
  })
}

/** Undefined when the time is over; what is still open has been said then. */
async function waitForAll(client: Client, waited: readonly Job[], flags: Flags): Promise<Job[] | undefined> {
  const signal = flags.timeout === undefined ? undefined : AbortSignal.timeout(flags.timeout)
  const talk = sayBreaks()
  const open = new Set(waited.map(({ id }) => id))
  const waitFor = async (waited: Job) => {
    const { id } = waited
    const job = await client.waitFor(id, { signal, ...talk, onEvent: sayWarnings(waited) })
    open.delete(id)
    if (!flags.json && job.outcome) print(`${job.id}  ${job.name}  ${outcomeLine(job.outcome)}`)
    return job
  }
  try {
    return await Promise.all(waited.map(waitFor))
  } catch (error) {
    if (!signal?.aborted) throw error
    say(`error: not ended within ${formatDuration(flags.timeout ?? 0)}: ${[...open].join(', ')}`)
    say(`next: wait longer, or see anneal show ${[...open][0]}`)
    process.exitCode = EXIT.timedOut
    return undefined
  }
}
