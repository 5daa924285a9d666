import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Pipeline } from '../../client/index.js'
import { formatDuration } from '../../schema/duration.js'
import { failureCode } from '../../schema/failure.js'
import { EXIT } from '../exit-code.js'
import { plain, print, say } from '../output.js'

/** How often a pipeline is looked at: its steps take seconds and more, and each look is one read of the store. */
const LOOK_EVERY = 1_000

/** Undefined when the time is over; what is still open has been said then. Waits through breaks of the connection. */
export async function waitForPipelines(
  client: Client,
  refs: string[],
  flags: { json?: boolean; timeout?: number },
): Promise<Pipeline[] | undefined> {
  const deadline = flags.timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + flags.timeout
  const first = await Promise.all(refs.map((ref) => client.showPipeline(ref)))
  const ended = await Promise.all(first.map((one) => untilEnded(client, one, deadline, flags)))
  const open = ended.filter(({ state }) => state !== 'ended').map(({ id }) => id)
  if (open.length === 0) return ended
  say(`error: not ended within ${formatDuration(flags.timeout ?? 0)}: ${open.join(', ')}`)
  say(`next: wait longer, or see anneal pipeline show ${open[0]}`)
  process.exitCode = EXIT.timedOut
  return undefined
}

async function untilEnded(client: Client, first: Pipeline, deadline: number, { json }: { json?: boolean }) {
  let pipeline = first
  const asked = new Set<string>()
  while (pipeline.state !== 'ended' && Date.now() < deadline) {
    sayGates(pipeline, asked)
    await pause(Math.min(LOOK_EVERY, Math.max(1, deadline - Date.now())))
    pipeline = (await lookAgain(client, pipeline.id)) ?? pipeline
  }
  const { id, name, outcome } = pipeline
  if (!json && outcome) print(`${id}  ${name}  ${outcome.reason}: ${plain(outcome.message)}`)
  return pipeline
}

/** Undefined while nobody answers. */
async function lookAgain(client: Client, id: string): Promise<Pipeline | undefined> {
  try {
    return await client.showPipeline(id)
  } catch (error) {
    if (failureCode(error) === 'unavailable') return undefined
    throw error
  }
}

function sayGates({ id, members }: Pipeline, asked: Set<string>): void {
  for (const { key, asksUntil } of members) {
    if (asksUntil === null || asked.has(key)) continue
    asked.add(key)
    say(`${key} waits for an answer: anneal pipeline approve ${id} ${key}`)
  }
}
