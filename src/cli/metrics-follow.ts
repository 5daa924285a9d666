import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, MetricList } from '../client/index.js'
import { failureCode } from '../schema/failure.js'
import { sayBreaks } from './follow.js'

/** Points are at the server about a second after they were written. Milliseconds. */
const LOOK_EVERY = 1_000
/** The last ones may come after the end of the job; of one that reports none nobody says that there are no more. */
const AFTER_END = 10_000

/** Calls `onChange` whenever something is new, and at last once all is there: when the job has ended and its last points have come. */
export async function followMetrics(
  client: Client,
  ref: string,
  onChange: (list: MetricList, isLast: boolean) => Promise<void>,
): Promise<void> {
  const { id } = await client.showJob(ref)
  let before = ''
  let endsBy = Number.POSITIVE_INFINITY
  for (;;) {
    const list = await throughBreaks(() => client.listMetrics(id))
    const now = JSON.stringify([list.series, list.progress])
    const isLast = list.final || Date.now() > endsBy
    if (now !== before || isLast) await throughBreaks(() => onChange(list, isLast))
    if (isLast) return
    before = now
    const job = await throughBreaks(() => client.showJob(id))
    if (job.state === 'ended') endsBy = Math.min(endsBy, Date.now() + AFTER_END)
    await pause(LOOK_EVERY)
  }
}

/** Appends each point to stdout once, as it comes: those of each metric and attempt in the order of their report. */
export async function followPoints(
  client: Client,
  ref: string,
  { names, attempt, format }: { names: string[]; attempt?: number; format: 'csv' | 'jsonl' },
): Promise<void> {
  const written = new Map<string, number>()
  let head = ''
  await followMetrics(client, ref, async ({ series }) => {
    for (const one of series.filter(({ name }) => names.length === 0 || names.includes(name))) {
      for (const [i, number] of one.attempts.entries()) {
        if (attempt !== undefined && number !== attempt) continue
        // What a log has printed gives way to what the file reports under the name: that is another curve.
        const key = `${number} ${one.source} ${one.name}`
        const skip = written.get(key) ?? 0
        if ((one.counts[i] as number) <= skip) continue
        const lines = await linesOf(client, ref, { format, name: [one.name], attempt: number, skip })
        const own = format === 'csv' ? (lines.shift() as string) : ''
        const text = [...(head === own ? [] : [own]), ...lines].map((line) => `${line}\n`).join('')
        if (!process.stdout.write(text)) await once(process.stdout, 'drain')
        head = own
        written.set(key, skip + lines.length)
      }
    }
  })
  if (format === 'csv' && head === '') process.stdout.write('name,attempt,step,time,value\n')
}

async function linesOf(client: Client, ref: string, query: Parameters<Client['exportMetrics']>[1]): Promise<string[]> {
  const bytes = await client.exportMetrics(ref, query)
  return (await new Response(bytes).text()).split('\n').slice(0, -1)
}

/** Again and again while the servers are away; a refusal ends it. */
async function throughBreaks<T>(call: () => Promise<T>): Promise<T> {
  const { onBreak, onBack } = sayBreaks()
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await call()
      if (tries > 1) onBack()
      return answer
    } catch (error) {
      if (failureCode(error) !== 'unavailable') throw error
      onBreak(error, tries)
      await pause(LOOK_EVERY)
    }
  }
}
