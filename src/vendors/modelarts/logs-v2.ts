import { z } from 'zod'
import type { RemoteLogs } from '../../providers/provider.js'
import type { Connection } from './connection.js'
import { NO_LOG_YET, UNKNOWN } from './faults.js'
import { read } from './remote-v1.js'

const Preview = z.object({
  content: z.string().default(''),
  current_size: z.coerce.number().optional(),
  full_size: z.coerce.number().optional(),
})
/** Per task: bytes that have been read, and up to where the service no longer gives any. */
const Place = z.object({ at: z.int().min(0), gapTo: z.int().min(0).optional() })
type Place = z.infer<typeof Place>
const Places = z.record(z.string(), Place)

export interface Run {
  id: string
  /** `worker-0`, `worker-1` … */
  tasks: string[]
  hasEnded: boolean
}

/**
 * The bytes of every task after the cursor. `/logs/{task}` has cursors whose direction its own pages tell in two ways (reference
 * §7, §10), so that no use of it is sure to give every line once. The preview gives the newest 5 MB at most, with the size of
 * the whole: from these two a byte's place is known, and the cursor is a place.
 */
export async function readV2Logs(
  connection: Connection,
  run: Run,
  cursor: unknown,
  signal: AbortSignal,
): Promise<RemoteLogs> {
  const places = { ...(Places.safeParse(cursor).data ?? {}) }
  const pieces: RemoteLogs['pieces'] = []
  let more = false
  for (const [i, task] of run.tasks.entries()) {
    const place = places[task] ?? { at: 0 }
    const step =
      place.gapTo === undefined ? await nextBytes(connection, run, task, place, signal) : overGap(place, place.gapTo)
    if (step.bytes.length > 0) pieces.push({ stream: /-(\d{1,6})$/.exec(task)?.[1] ?? String(i), bytes: step.bytes })
    if (step.place.at > 0 || step.place.gapTo !== undefined) places[task] = step.place
    more ||= step.place.gapTo !== undefined || place.gapTo !== undefined
  }
  return { pieces, cursor: places, more }
}

type Step = { bytes: Uint8Array; place: Place }

/** How far a gap goes is settled by a cursor before it is told, so that it is told in the same words again. */
function overGap({ at }: Place, gapTo: number): Step {
  const mark = `[${gapTo - at} bytes are missing here: ModelArts gives the newest 5 MB of a log]\n`
  return { bytes: Buffer.from(mark), place: { at: gapTo } }
}

async function nextBytes(
  connection: Connection,
  run: Run,
  task: string,
  place: Place,
  signal: AbortSignal,
): Promise<Step> {
  const path = `/training-jobs/${run.id}/tasks/${task}/logs/preview`
  const { json, code } = await connection.call({ method: 'GET', path, expects: [...NO_LOG_YET, ...UNKNOWN] }, signal)
  if (code !== undefined || json === undefined) return { bytes: Buffer.alloc(0), place }
  const preview = read(Preview, json)
  const content = Buffer.from(preview.content)
  const isWhole = (preview.full_size ?? content.length) <= (preview.current_size ?? content.length)
  const first = isWhole ? 0 : (preview.full_size as number) - content.length
  if (first > place.at) return { bytes: Buffer.alloc(0), place: { ...place, gapTo: first } }
  const end = run.hasEnded ? content.length : content.lastIndexOf(10) + 1
  const bytes = content.subarray(Math.min(place.at - first, end), end)
  return { bytes, place: { at: place.at + bytes.length } }
}
