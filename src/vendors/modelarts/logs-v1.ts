import { z } from 'zod'
import type { RemoteLogs } from '../../providers/provider.js'
import type { Connection } from './connection.js'
import { UNKNOWN } from './faults.js'
import { read } from './remote-v1.js'

/** The most that one request gives (reference §7). */
const LINES = 500

const Names = z.object({ log_file_list: z.array(z.string()).nullish() })
const Cursor = z.union([z.string(), z.number()]).transform(String)
const Page = z.object({
  content: z.string().default(''),
  lines: z.coerce.number().default(0),
  start_line: Cursor.default(''),
  end_line: Cursor.default(''),
})
type Page = z.infer<typeof Page>

/** Per file: first back to its head (`head`, empty at the newest), then forward (`at`). */
const Place = z.union([z.object({ head: z.string() }), z.object({ at: z.string() })])
type Place = z.infer<typeof Place>
const Places = z.record(z.string(), Place)

/**
 * The lines of every file after the cursor. The service gives the newest without a cursor, and lines before or after one; a range
 * is half open, `(start_line, end_line]`. So the head is sought first, without keeping anything, and then every line is read
 * forward once. The same cursor gives the same lines again.
 */
export async function readV1Logs(
  connection: Connection,
  version: string,
  cursor: unknown,
  signal: AbortSignal,
): Promise<RemoteLogs> {
  const places = { ...(Places.safeParse(cursor).data ?? {}) }
  const pieces: RemoteLogs['pieces'] = []
  let more = false
  for (const [i, name] of (await namesOf(connection, version, signal)).entries()) {
    const place = places[name] ?? { head: '' }
    const page = await pageAt(connection, version, name, place, signal)
    const next = 'head' in place ? afterSeek(place, page) : { at: page.lines > 0 ? page.end_line : place.at }
    if ('at' in place && page.lines > 0) pieces.push({ stream: streamOf(name, i), bytes: bytesOf(page) })
    places[name] = next
    more ||= 'head' in place ? page.lines > 0 || 'at' in next : page.lines >= LINES
  }
  return { pieces, cursor: places, more }
}

async function namesOf(connection: Connection, version: string, signal: AbortSignal): Promise<string[]> {
  const { json, code } = await connection.call(
    { method: 'GET', path: `${version}/log/file-names`, expects: UNKNOWN },
    signal,
  )
  return code === undefined ? (read(Names, json).log_file_list ?? []) : []
}

async function pageAt(
  connection: Connection,
  version: string,
  log_file: string,
  place: Place,
  signal: AbortSignal,
): Promise<Page> {
  const base = 'at' in place ? place.at : place.head
  const order = 'head' in place && base !== '' ? 'asc' : 'desc'
  const query = { log_file, lines: String(LINES), order, ...(base === '' ? {} : { base_line: base }) }
  const { json } = await connection.call({ method: 'GET', path: `${version}/aom-log`, query }, signal)
  return read(Page, json)
}

/** The head is reached when nothing stands before it, or the cursor does not move. */
function afterSeek({ head }: { head: string }, page: Page): Place {
  if (head !== '' && (page.lines === 0 || page.start_line === head)) return { at: head }
  return { head: page.lines === 0 ? '' : page.start_line }
}

/** Every line with its end, whether the service joins lines or ends them. */
function bytesOf({ content, lines }: Page): Uint8Array {
  const parts = content.split('\n')
  const isEnded = parts.length === lines + 1 && parts.at(-1) === ''
  return Buffer.from(isEnded ? content : `${content}\n`)
}

/** `job.0` is stream 0; another name goes by its place. */
function streamOf(name: string, place: number): string {
  return /\.(\d{1,6})$/.exec(name)?.[1] ?? String(place)
}
