import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Assignment, Fact, FactBody, FromAgentParsed, Hello, ToAgent } from '../../src/schema/agent.js'
import { FromAgent } from '../../src/schema/agent.js'
import { ArtifactsInMemory } from './stand-in-artifacts.js'

/** A host's server that keeps everything in memory: what is wanted, facts (each number once), logs, blobs. */
export class StandIn {
  readonly assignments = new Map<string, Assignment>()
  readonly hellos: Hello[] = []
  readonly blobs = new Map<string, Buffer>()
  readonly artifacts = new ArtifactsInMemory(this.blobs)
  /** Hashes that were asked for, each time. */
  readonly blobCalls: string[] = []
  /** When false, facts are taken and never acknowledged. */
  acknowledges = true
  blobFailures = 0
  /** What beats are answered with; undefined: not answered at all. */
  leaseMs: number | null | undefined = undefined
  /** Whether the host said last that all that it runs is under a lease. */
  leased = false
  /** Every fact as it came, repetitions included, with the ms of its arrival by `performance.now()`. */
  readonly arrivals: { fact: Fact; at: number; message: number }[] = []
  readonly #facts = new Map<string, Fact>()
  readonly #logs = new Map<string, Buffer>()
  readonly #sockets = new Set<WebSocket>()
  #server: http.Server | undefined
  #port = 0
  #messages = 0

  static async start(): Promise<StandIn> {
    const made = new StandIn()
    await made.listen()
    return made
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async listen(): Promise<void> {
    const server = http.createServer((request, response) => void this.#answer(request, response))
    const sockets = new WebSocketServer({ server, path: '/api/v1/host/connect' })
    sockets.on('connection', (socket) => this.#connected(socket))
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Gone with all connections; `listen` brings it back with everything that it knew. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
    const server = this.#server
    await new Promise<void>((resolve) => {
      server?.close(() => resolve())
      server?.closeAllConnections()
    })
  }

  /** Commits what is wanted and tells the host. */
  want(assignment: Assignment): void {
    this.assignments.set(key(assignment), assignment)
    this.#tell({ type: 'change', assignment })
  }

  stop(assignment: Assignment, more: Partial<Assignment> = {}): void {
    this.want({ ...(this.assignments.get(key(assignment)) ?? assignment), wanted: 'stop', ...more })
  }

  /** The snapshot goes out again, as on a new connection. */
  tellAll(): void {
    this.#tell({ type: 'snapshot', assignments: [...this.assignments.values()] })
  }

  /** Whatever text, to every host. */
  tellRaw(text: string): void {
    for (const socket of this.#sockets) socket.send(text)
  }

  factsOf(about: Pick<Fact, 'jobId' | 'attempt'>): Fact[] {
    const own = [...this.#facts.values()].filter((fact) => key(fact) === key(about))
    return own.sort((a, b) => a.n - b.n)
  }

  types(about: Pick<Fact, 'jobId' | 'attempt'>): string[] {
    return this.factsOf(about).map((fact) => fact.body.type)
  }

  fact<T extends FactBody['type']>(about: Pick<Fact, 'jobId' | 'attempt'>, type: T) {
    const found = this.factsOf(about).find((fact) => fact.body.type === type)
    return found?.body as Extract<FactBody, { type: T }> | undefined
  }

  log(about: Pick<Fact, 'jobId' | 'attempt'>, stream = '0'): Buffer {
    return this.#logs.get(`${key(about)}/${stream}`) ?? Buffer.alloc(0)
  }

  addBlob(bytes: Buffer): string {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.blobs.set(sha256, bytes)
    return sha256
  }

  #tell(message: ToAgent): void {
    this.tellRaw(JSON.stringify(message))
  }

  #connected(socket: WebSocket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('message', (data) => this.#hear(socket, FromAgent.parse(JSON.parse(String(data)))))
  }

  #hear(socket: WebSocket, message: FromAgentParsed): void {
    if (message.type === 'hello') {
      this.hellos.push(message)
      this.#renew(socket, message)
      socket.send(JSON.stringify({ type: 'snapshot', assignments: [...this.assignments.values()] } satisfies ToAgent))
    }
    if (message.type === 'beat') this.#renew(socket, message)
    if (message.type !== 'facts') return
    this.#messages += 1
    const acked = message.facts
      .filter((fact) => this.#take(fact))
      .map(({ jobId, attempt, n }) => ({ jobId, attempt, n }))
    if (this.acknowledges) socket.send(JSON.stringify({ type: 'ack', facts: acked } satisfies ToAgent))
  }

  #renew(socket: WebSocket, { sentAt, leased }: { sentAt?: number | undefined; leased: boolean }): void {
    this.leased = leased
    if (this.leaseMs === undefined) return
    socket.send(JSON.stringify({ type: 'beat', sentAt, leaseMs: this.leaseMs } satisfies ToAgent))
  }

  /** As the server does: each number once and in its order; false for one that cannot be taken yet. */
  #take(fact: Fact): boolean {
    this.arrivals.push({ fact, at: performance.now(), message: this.#messages })
    const assignment = this.assignments.get(key(fact))
    const last = this.factsOf(fact).at(-1)?.n ?? assignment?.facts ?? 0
    if (fact.n === last + 1) this.#facts.set(`${key(fact)}/${fact.n}`, fact)
    if (assignment && fact.n === last + 1) {
      const accepted = assignment.accepted || fact.body.type === 'accepted'
      this.assignments.set(key(fact), { ...assignment, accepted, facts: fact.n })
      if (fact.body.type === 'empty') this.assignments.delete(key(fact))
    }
    return fact.n <= last + 1
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url)
    const body = await readAll(request)
    const [kind, ...rest] = url.pathname.replace('/api/v1/host/', '').split('/')
    if (kind === 'artifacts' || kind === 'inputs') {
      return this.artifacts.answer(request, [kind, ...rest], body, response)
    }
    if (kind === 'blobs') return this.#answerBlob(rest[0] ?? '', response)
    const name = rest.join('/')
    const before = this.#logs.get(name) ?? Buffer.alloc(0)
    if (request.method === 'PUT' && Number(url.searchParams.get('offset')) !== before.length) {
      return void response.writeHead(409).end(JSON.stringify({ code: 'offset_conflict', end: before.length }))
    }
    const after = Buffer.concat([before, body])
    this.#logs.set(name, after)
    response.end(JSON.stringify({ end: after.length, final: url.searchParams.has('final') }))
  }

  #answerBlob(sha256: string, response: http.ServerResponse): void {
    this.blobCalls.push(sha256)
    const blob = this.blobs.get(sha256)
    this.blobFailures -= 1
    if (!blob || this.blobFailures >= 0) return void response.writeHead(503).end()
    response.end(blob)
  }
}

function key({ jobId, attempt }: { jobId: string; attempt: number }): string {
  return `${jobId}/${attempt}`
}

async function readAll(request: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
