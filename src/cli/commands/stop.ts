import type { Command } from 'commander'
import type { Client } from '../../client/index.js'
import { failureCode } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { reportFailure } from '../report-failure.js'
import { linesOf, type Stopped, stopAny, untilStopped } from '../stop-any.js'

interface Flags extends ServerFlags {
  force?: boolean
  wait?: boolean
}

/** `anneal stop REF...`: wants them stopped, and returns at once unless it shall wait. */
export function define(command: Command): void {
  command
    .argument('<ref...>', 'ids, beginnings of ids, or names (the newest of it), of jobs, pipelines, sweeps and arrays')
    .option('--force', 'no grace; and close the job of a silent host, whose devices are then kept apart')
    .option('--wait', 'return when they have ended')
  withServer(command).action(async (refs: string[], flags: Flags) => {
    const client = connect(flags)
    if (refs.length > 1) return stopEach(client, refs, flags)
    const wanted = await stopAny(client, refs[0] as string, flags.force ?? false)
    const stopped = flags.wait ? await untilStopped(client, wanted) : wanted
    if (flags.json) return printJson(Object.values(stopped)[0])
    tell(stopped)
  })
}

/** One that cannot be stopped keeps no other from it; the exit code is that of the first such. All are stopped before one is waited for. */
async function stopEach(client: Client, refs: string[], flags: Flags): Promise<void> {
  const wanted: Stopped[] = []
  const failed: { ref: string; code: string; message: string }[] = []
  for (const ref of refs) {
    try {
      wanted.push(await stopAny(client, ref, flags.force ?? false))
    } catch (error) {
      const code = failureCode(error)
      if (code === undefined || code === 'internal' || code === 'unavailable') throw error
      failed.push({ ref, code, message: (error as Error).message })
      process.exitCode ||= reportFailure(error)
    }
  }
  const all: Stopped[] = []
  for (const one of wanted) {
    const stopped = flags.wait ? await untilStopped(client, one) : one
    if (!flags.json) tell(stopped)
    all.push(stopped)
  }
  if (flags.json) printJson({ stopped: all, failed })
}

function tell(stopped: Stopped): void {
  const { line, wait } = linesOf(stopped)
  print(line)
  if (wait) say(`wait for its end with: ${wait}`)
}
