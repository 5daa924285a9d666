import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Seen = { headers: IncomingMessage['headers']; body: string; url: string | undefined }
/** A real receiver of webhooks on loopback, which answers as the test says. */
export class Receiver {
  readonly seen: Seen[] = []
  readonly #server: Server
  answer: (response: ServerResponse, count: number) => void = (response) => response.end('ok')

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = ''
      request.on('data', (data) => {
        body += data
      })
      request.on('end', () => {
        this.seen.push({ headers: request.headers, body, url: request.url })
        this.answer(response, this.seen.length)
      })
    })
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    await new Promise<void>((done) => receiver.#server.listen(0, '127.0.0.1', done))
    return receiver
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
