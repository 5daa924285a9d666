import { Readable } from 'node:stream'
import { type FailureCode, failureCode } from '../schema/failure.js'

type Body = ReadableStream<Uint8Array> | null
const NOTHING_MORE: FailureCode = 'range_not_satisfiable'

/**
 * The bytes that `open` gives from an offset on, across breaks of the connection: it is opened again where the last one
 * broke off, for as long as each brings something. Takes no more than its reader asks for, and a little ahead.
 */
export async function readAcross(open: (from: number) => Promise<Body>): Promise<Body> {
  const first = await open(0)
  if (first === null) return null
  return Readable.toWeb(Readable.from(pieces(first, open), { objectMode: true, highWaterMark: 1 })) as Body
}

async function* pieces(first: Body, open: (from: number) => Promise<Body>): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let body = first; body !== null; ) {
    const from = at
    try {
      for await (const chunk of body) {
        at += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      if (at === from) throw error
    }
    body = await open(at).catch((error: unknown) => {
      if (failureCode(error) === NOTHING_MORE) return null
      throw error
    })
  }
}
