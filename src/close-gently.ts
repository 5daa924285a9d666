import type { Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** What can be closed so: an HTTP server with, perhaps, WebSockets on it. */
export interface Closable {
  server: Server
  websocketServer?: { clients: Set<{ close(code: number): void; terminate(): void }> }
}

/** A WebSocket that is closed with this finds its place elsewhere (RFC 6455, "going away"). */
const GOING_AWAY = 1001
const LOOK_EVERY = 20

/**
 * Takes no further connection, says goodbye to WebSockets, lets requests under way end, and resolves when all are gone;
 * after `within` milliseconds whatever is left is cut off.
 */
export async function closeGently({ server, websocketServer }: Closable, within: number): Promise<void> {
  const sockets = websocketServer?.clients ?? new Set()
  let isClosed = false
  const closed = new Promise<void>((resolve) => server.close(() => resolve())).then(() => {
    isClosed = true
  })
  for (const socket of sockets) socket.close(GOING_AWAY)
  for (const deadline = Date.now() + within; !isClosed && Date.now() < deadline; ) {
    server.closeIdleConnections() // those that became idle since
    await Promise.race([closed, pause(LOOK_EVERY)])
  }
  for (const socket of sockets) socket.terminate()
  server.closeAllConnections()
  await closed
}
