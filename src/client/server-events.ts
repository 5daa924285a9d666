import { setTimeout as delay } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { FAILURES, failureCode } from '../schema/failure.js'

/** How a follower is told that its connection broke and is being made again; `tries` counts from 1 until something comes. */
export type OnBreak = (error: unknown, tries: number) => void

export interface FollowOptions {
  signal?: AbortSignal | undefined
  onBreak?: OnBreak | undefined
  /** A server answers again after a break. */
  onBack?: (() => void) | undefined
}

/** Pauses before connecting again, in milliseconds: doubled from the first to the last. */
const FIRST_PAUSE = 100
const LAST_PAUSE = 2_000
/** The server says something every 15 s; a connection that is silent for longer than this is taken for dead. */
const SILENCE = 40_000

/**
 * The events of a stream, across breaks of the connection: `open` is called again with the id of the last event, until
 * the caller stops reading. Ends by throwing on a refusal (4xx), or the signal's reason.
 */
export async function* followServer(
  open: (lastId: string | undefined, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>,
  { signal, onBreak, onBack }: FollowOptions,
): AsyncGenerator<EventSourceMessage> {
  let lastId: string | undefined
  let tries = 0
  const reopen = async (silence: AbortSignal) => {
    const body = await open(lastId, silence)
    if (tries > 0) onBack?.()
    return body
  }
  for (;;) {
    let failure: unknown = new Error('the server closed the connection')
    try {
      for await (const message of readEvents(reopen, signal)) {
        tries = 0
        lastId = message.id ?? lastId
        yield message
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (isFinal(error)) throw error
      failure = error
    }
    tries += 1
    onBreak?.(failure, tries)
    await pause(tries, signal)
  }
}

/** Calls again, with growing pauses, for as long as the server cannot be reached. Throws a refusal, or the signal's reason. */
export async function untilAnswered<T>(call: () => Promise<T>, { signal, onBreak, onBack }: FollowOptions): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await call()
      if (tries > 1) onBack?.()
      return answer
    } catch (error) {
      signal?.throwIfAborted()
      if (isFinal(error)) throw error
      onBreak?.(error, tries)
      await pause(tries, signal)
    }
  }
}

async function pause(tries: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = Math.min(LAST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
  await delay(ms, undefined, { signal }).catch(() => signal?.throwIfAborted())
}

/** Whether asking again would give the same answer. */
function isFinal(error: unknown): boolean {
  const code = failureCode(error)
  if (code !== undefined) return FAILURES[code].status < 500
  return !(error instanceof Error)
}

async function* readEvents(
  open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage> {
  const own = new AbortController()
  const giveUp = () => own.abort(new Error(`the server said nothing for ${SILENCE / 1000} s`))
  let silence = setTimeout(giveUp, SILENCE)
  try {
    const body = await open(signal ? AbortSignal.any([own.signal, signal]) : own.signal)
    const messages: EventSourceMessage[] = []
    const parser = createParser({ onEvent: (message) => messages.push(message) })
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      clearTimeout(silence) // however long the caller takes, it is not the server's silence
      parser.feed(decoder.decode(chunk, { stream: true }))
      yield* messages.splice(0)
      silence = setTimeout(giveUp, SILENCE)
    }
  } finally {
    clearTimeout(silence)
    own.abort()
  }
}
