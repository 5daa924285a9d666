import { createHash } from 'node:crypto'
import type http from 'node:http'
import type { InputPage, Manifest } from '../../src/schema/artifact.js'

/** The part of the stand-in that takes outputs and gives inputs, in memory. */
export class ArtifactsInMemory {
  readonly manifests = new Map<string, Manifest>()
  readonly failed = new Map<string, string>()
  /** By `<jobId>/<attempt>/<key>`. */
  readonly inputs = new Map<string, InputPage>()
  /** Every call, as `PUT blobs`, in their order; blobs with their hash. */
  readonly calls: string[] = []
  /** Says of a call what is answered in place of the right answer. */
  refuses: (call: string) => { status: number; code: string } | undefined = () => undefined

  constructor(private readonly blobs: Map<string, Buffer>) {}

  answer(request: http.IncomingMessage, path: string[], body: Buffer, response: http.ServerResponse): void {
    const [kind, jobId, attempt, what = 'manifest', sha256 = ''] = path
    const call = `${request.method} ${kind === 'inputs' ? 'inputs' : what}${sha256 && ` ${sha256}`}`
    this.calls.push(call)
    const refusal = this.refuses(call)
    if (refusal) return void response.writeHead(refusal.status).end(JSON.stringify({ code: refusal.code }))
    const key = `${jobId}/${attempt}`
    if (kind === 'inputs') return void response.end(JSON.stringify(this.inputs.get(`${key}/${what}`)))
    if (what === 'missing') {
      const { sha256: asked } = JSON.parse(body.toString()) as { sha256: string[] }
      return void response.end(JSON.stringify({ missing: asked.filter((hash) => !this.blobs.has(hash)) }))
    }
    if (what === 'blobs') {
      const found = createHash('sha256').update(body).digest('hex')
      if (found !== sha256) return void response.writeHead(422).end(JSON.stringify({ code: 'hash_mismatch' }))
      this.blobs.set(sha256, body)
    }
    if (what === 'manifest') this.manifests.set(key, JSON.parse(body.toString()) as Manifest)
    if (what === 'failed') this.failed.set(key, (JSON.parse(body.toString()) as { problem: string }).problem)
    response.end('{}')
  }
}
