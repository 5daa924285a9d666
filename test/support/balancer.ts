import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What stands before several servers: it hands each connection to the next one that says it is ready. */
export interface Balancer {
  url: string
  close(): Promise<void>
}

/** As kubernetes or HAProxy would be set, only faster. Milliseconds. */
const ASK_EVERY = 100
const ANSWER_WITHIN = 1_000

/** Starts one in front of these URLs, which are asked at `/readyz`. A server that refuses a connection loses its turn. */
export async function startBalancer(backends: readonly string[]): Promise<Balancer> {
  const ready = new Set<string>()
  const ask = async (url: string) => {
    const signal = AbortSignal.timeout(ANSWER_WITHIN)
    const isReady = await fetch(`${url}/readyz`, { signal, headers: { connection: 'close' } }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) ready.add(url)
    else ready.delete(url)
  }
  const asking = setInterval(() => {
    for (const url of backends) void ask(url)
  }, ASK_EVERY)
  await Promise.all(backends.map(ask))

  let turn = 0
  const next = () => {
    turn += 1
    const open = backends.filter((url) => ready.has(url))
    const among = open.length > 0 ? open : backends
    return among[turn % among.length] as string
  }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    keep(sockets, client)
    void hand(client, next, backends.length, sockets)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      clearInterval(asking)
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function hand(client: Socket, next: () => string, tries: number, sockets: Set<Socket>): Promise<void> {
  for (let i = 0; i < tries; i += 1) {
    const { hostname, port } = new URL(next())
    const backend = connect(Number(port), hostname)
    try {
      await once(backend, 'connect')
    } catch {
      continue
    }
    keep(sockets, backend)
    client.pipe(backend).pipe(client)
    backend.once('close', () => client.destroySoon())
    client.once('close', () => backend.destroy())
    return
  }
  client.destroy()
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.once('close', () => sockets.delete(socket))
}
