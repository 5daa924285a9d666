import type { Client, Event, Job, OnBreak, Outcome } from '../client/index.js'
import { exitCodeOf } from './exit-code.js'
import { plain, say, writeBytes } from './output.js'
import { nearLimitText, outcomeLine } from './text.js'

/** With the pauses between them, this many tries take most of a second: a break that is over by then is nobody's concern. */
const TRIES_IN_SILENCE = 4

/** Once per break, so that a long silence of the servers is no long list; and once when it is over. */
export function sayBreaks(): { onBreak: OnBreak; onBack: () => void } {
  let hasSaid = false
  return {
    onBreak(error, tries) {
      if (hasSaid || tries < TRIES_IN_SILENCE) return
      hasSaid = true
      say(`the connection is lost (${plain((error as Error).message)}); connecting again`)
    },
    onBack() {
      if (hasSaid) say('connected again')
      hasSaid = false
    },
  }
}

/**
 * Follows a job to its end: what its first process writes goes to `output` unchanged, its setup and the changes of its
 * state to stderr. Gives the outcome.
 */
export async function followJob(client: Client, job: Job, output: NodeJS.WriteStream): Promise<Outcome> {
  const stop = new AbortController()
  const following = [followOutput(client, job.id, output, stop.signal), sayStates(client, job.id, stop.signal)] as const
  try {
    const [outcome] = await Promise.all(following)
    return outcome
  } finally {
    stop.abort()
    await Promise.allSettled(following)
  }
}

async function followOutput(
  client: Client,
  id: string,
  output: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<Outcome> {
  for await (const item of client.followLogs(id, { signal, ...sayBreaks() })) {
    if (item.type === 'end') return item.outcome
    if (item.stream === '0') await writeBytes(output, item.bytes)
    else if (item.stream === 'setup') await writeBytes(process.stderr, item.bytes)
  }
  throw new Error('the stream of the log ended without an outcome')
}

async function sayStates(client: Client, id: string, signal: AbortSignal): Promise<void> {
  for await (const event of client.followEvents(id, { signal })) {
    const text = stateText(event)
    if (text) say(text)
  }
}

/** What a person who waits wants to know of an entry; undefined for the rest. */
function stateText(event: Event): string | undefined {
  const { type, attempt, data } = event
  const which = data.rank === undefined ? '' : `rank ${data.rank} `
  const again = `${attempt !== null && attempt > 1 ? `attempt ${attempt} ` : ''}${which}`
  switch (type) {
    case 'queued':
      return `${again}queued`
    case 'setup':
      return data.cached ? undefined : `${which}setup begins`
    case 'started':
      return `${again}running, pid ${data.pid}${data.resumeFrom ? `, resumed from ${data.resumeFrom}` : ''}`
    case 'stop_wanted':
      return 'stopping'
    case 'stop_ordered':
      return `stopping: ${data.cause}`
    case 'limit_warning':
      return warningText(event)
    case 'stalled':
      return `${which}stalled`
    case 'backoff':
      return `attempt ${attempt} ended: ${data.reason}; the next begins at ${new Date(Number(data.until)).toLocaleTimeString()}`
    default:
      return undefined
  }
}

function warningText({ jobId, data }: Event): string {
  return nearLimitText(jobId, { limit: String(data.limit), deadline: String(data.deadline) })
}

/** Says of a job that is waited for when a limit comes near: what is near now, and by the function given what comes. */
export function sayWarnings({ id, nearLimits }: Job): (event: Event) => void {
  const from = Date.now()
  for (const near of nearLimits) say(nearLimitText(id, near))
  return (event) => {
    if (event.type === 'limit_warning' && Date.parse(event.at) >= from) say(warningText(event))
  }
}

/** The last words about a job that somebody followed; gives the exit code. */
export function sayOutcome(id: string, outcome: Outcome): number {
  say(outcomeLine(outcome))
  if (outcome.reason !== 'completed') say(`more: anneal show ${id}`)
  return exitCodeOf(outcome)
}
