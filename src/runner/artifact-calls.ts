import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { InputPage, type Manifest } from '../schema/artifact.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import type { Site } from './site.js'

/** A server that does not answer for this long is asked again; a manifest of 100,000 files takes it some seconds. */
const ANSWERS_WITHIN = 2 * MINUTE
/** An upload of which nobody takes a byte for this long is broken off. */
const SILENCE = 60 * SECOND

interface Key {
  jobId: string
  attempt: number
  fence: number
}

/** What a host says to its server of outputs and inputs, see api/host-artifacts.ts. Each throws what went wrong. */
export class ArtifactCalls {
  constructor(private readonly site: Pick<Site, 'servers' | 'token'>) {}

  /** Which of these blobs the server does not have; it takes the question as a sign of life, too. */
  async missing(key: Key, sha256: readonly string[], signal: AbortSignal): Promise<string[]> {
    const answer = await this.#send('POST', `${pathOf(key)}/missing?fence=${key.fence}`, signal, { sha256 })
    return ((await answer.json()) as { missing: string[] }).missing
  }

  async keep(key: Key, manifest: Manifest, signal: AbortSignal): Promise<void> {
    await this.#send('PUT', `${pathOf(key)}?fence=${key.fence}`, signal, manifest)
  }

  async fail(key: Key, problem: string, signal: AbortSignal): Promise<void> {
    await this.#send('POST', `${pathOf(key)}/failed?fence=${key.fence}`, signal, { problem: problem.slice(0, 1000) })
  }

  /** Takes as long as it takes, as long as the server takes bytes. */
  async upload(key: Key, { sha256, file }: { sha256: string; file: string }, signal: AbortSignal): Promise<void> {
    const silence = new AbortController()
    const timer = setTimeout(() => silence.abort(new Error(`no byte was taken for ${SILENCE / SECOND} s`)), SILENCE)
    try {
      const chunks = noting(createReadStream(file, { highWaterMark: 256 * 1024 }), () => timer.refresh())
      const body = Readable.toWeb(Readable.from(chunks, { objectMode: false })) as RequestInit['body']
      const headers = { ...this.#headers, 'content-type': 'application/octet-stream' }
      const limit = AbortSignal.any([signal, silence.signal])
      const url = `${this.site.servers.current}${pathOf(key)}/blobs/${sha256}?fence=${key.fence}`
      await checked(await fetch(url, { method: 'PUT', headers, body, signal: limit, duplex: 'half' } as RequestInit))
    } finally {
      clearTimeout(timer)
    }
  }

  async inputPage(key: Key, input: string, after: string, signal: AbortSignal): Promise<InputPage> {
    const query = new URLSearchParams({ fence: String(key.fence), after })
    const path = `/api/v1/host/inputs/${key.jobId}/${key.attempt}/${input}?${query}`
    return InputPage.parse(await (await this.#send('GET', path, signal)).json())
  }

  async #send(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN)])
    const headers = { ...this.#headers, ...(body ? { 'content-type': 'application/json' } : {}) }
    const init = { method, headers, signal: limit, ...(body ? { body: JSON.stringify(body) } : {}) }
    return checked(await fetch(`${this.site.servers.current}${path}`, init))
  }

  get #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.site.token}` }
  }
}

/** What the server refused, by its status and its code. */
export class Refused extends Error {
  override readonly name = 'Refused'

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

function pathOf({ jobId, attempt }: Key): string {
  return `/api/v1/host/artifacts/${jobId}/${attempt}`
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  const said = await response.text().catch(() => '')
  let code = ''
  try {
    code = String((JSON.parse(said) as { code?: unknown }).code)
  } catch {}
  throw new Refused(response.status, code, `the server answered ${response.status}: ${said.slice(0, 300)}`)
}

async function* noting(stream: AsyncIterable<Buffer>, passed: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    passed()
    yield chunk
  }
}
