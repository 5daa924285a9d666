import { createServer } from 'node:net'

/** A TCP port on loopback that nobody listens on at this moment; with `wanted` that one, or it rejects with EADDRINUSE. */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
