import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('./spawn-server.js', import.meta.url))
/** It holds nothing but orders: a small heap keeps it, and what it forks, small. */
const SMALL = ['--max-old-space-size=32', '--max-semi-space-size=1']

/** One program to start, as leader of its own session, without a pipe to anybody; what it says goes to the end of `log`. */
export interface Order {
  id: number
  file: string
  args: string[]
  cwd: string
  env: NodeJS.ProcessEnv
  log: string
}

/** What has become of one order. `lost`: whoever carried it out is gone, so nobody knows. */
export type End = { kind: 'ended' } | { kind: 'failed'; error: Error } | { kind: 'lost' }

/**
 * Starts programs through a small process of its own. A fork copies the page tables of whoever forks, which takes 10 to 20 ms
 * of the event loop in a service of 200 MB, and 1 to 2 ms there.
 */
export class Spawner {
  readonly #env: NodeJS.ProcessEnv
  readonly #open = new Map<number, (end: End) => void>()
  #server: ChildProcess | undefined
  #last = 0

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env
    this.#server = this.#start()
  }

  /** Starts a program; `ended` is called once, with what has become of it. Its environment goes through a socket and nowhere else. */
  spawn(order: Omit<Order, 'id'>, ended: (end: End) => void): void {
    this.#last += 1
    const id = this.#last
    this.#open.set(id, ended)
    this.#server ??= this.#start()
    this.#server.send({ ...order, id } satisfies Order, (error) => error && this.#end(id, { kind: 'lost' }))
  }

  /** Ends the small process; what it has started goes on. */
  close(): void {
    this.#open.clear()
    if (this.#server?.connected) this.#server.disconnect()
  }

  #start(): ChildProcess {
    const server = fork(SERVER, { env: this.#env, execArgv: SMALL, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    server.on('message', ({ id, error }: { id: number; error?: string }) =>
      this.#end(id, error === undefined ? { kind: 'ended' } : { kind: 'failed', error: new Error(error) }),
    )
    server.once('error', (error) => this.#forget(server, { kind: 'failed', error }))
    server.once('exit', () => this.#forget(server, { kind: 'lost' }))
    server.unref()
    server.channel?.unref()
    return server
  }

  #end(id: number, end: End): void {
    const tell = this.#open.get(id)
    this.#open.delete(id)
    tell?.(end)
  }

  #forget(server: ChildProcess, end: End): void {
    if (this.#server !== server) return
    this.#server = undefined
    for (const id of [...this.#open.keys()]) this.#end(id, end)
  }
}
