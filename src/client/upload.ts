import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { failureCode } from '../schema/failure.js'
import type { Outgoing } from './exchange.js'
import type { Send } from './request.js'

export interface UploadOptions {
  signal?: AbortSignal | undefined
  /** Called with the bytes sent so far, as they go. */
  onProgress?: ((sentBytes: number) => void) | undefined
}

/** Milliseconds before an upload that broke off is begun again, each time. */
const AGAIN_AFTER = [200, 1_000, 3_000]

/** Sends a file as the blob of that hash, again from its beginning when the connection breaks. */
export async function sendBlob(
  send: Send,
  url: string,
  file: string,
  options: UploadOptions,
): Promise<{ size: number; existed: boolean }> {
  const pauses = [...AGAIN_AFTER]
  for (;;) {
    try {
      const response = await send(await newUpload(url, file, options))
      return (await response.json()) as { size: number; existed: boolean }
    } catch (error) {
      options.signal?.throwIfAborted()
      const pause = pauses.shift()
      if (failureCode(error) !== 'unavailable' || pause === undefined) throw error
      await delay(pause)
    }
  }
}

async function newUpload(url: string, file: string, { signal, onProgress }: UploadOptions): Promise<Outgoing> {
  const { size } = await stat(file)
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) }
  return { url, method: 'PUT', headers, body: counted(file, onProgress), signal }
}

async function* counted(file: string, onProgress: UploadOptions['onProgress']): AsyncGenerator<Uint8Array> {
  let sent = 0
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    yield chunk
    sent += chunk.length
    onProgress?.(sent)
  }
}
