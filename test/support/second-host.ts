import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Anneal, until } from './anneal.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** A further `anneal host` of an installation, on the same machine: another home, so another host. */
export class SecondHost {
  readonly home: string
  readonly #anneal: Anneal
  readonly #name: string
  readonly #token: string
  #process: ChildProcess | undefined
  #output = ''

  private constructor(anneal: Anneal, name: string, token: string) {
    this.#anneal = anneal
    this.#name = name
    this.#token = token
    this.home = join(anneal.home, 'host', name) // where Anneal.remove() looks for what is left
  }

  static async join(anneal: Anneal, name: string): Promise<SecondHost> {
    const { json } = await anneal.request('POST', '/api/v1/tokens', { role: 'host' })
    const host = new SecondHost(anneal, name, (json as { secret: string }).secret)
    mkdirSync(host.home, { recursive: true })
    await host.start()
    return host
  }

  /** Resolves when the server takes it as connected. */
  async start(): Promise<void> {
    const args = ['host', '--home', this.home, '--url', this.#anneal.url, '--name', this.#name, '--devices', '1']
    const env = { ...process.env, ANNEAL_TOKEN: this.#token }
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (this.#output += data))
    this.#output = ''
    await until(`host ${this.#name} to be connected`, () => this.isConnected(), 30_000).catch((error: Error) => {
      throw new Error(`${error.message}; it says: ${this.#output}`)
    })
  }

  async isConnected(): Promise<boolean> {
    const { json } = await this.#anneal.request('GET', '/api/v1/hosts')
    const { hosts } = json as { hosts: { name: string; connected: boolean }[] }
    return hosts.some(({ name, connected }) => name === this.#name && connected)
  }

  /** Ends the agent; what it started lives on. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process
    child?.kill(signal)
    await until('the agent to be gone', () => !child || child.exitCode !== null || child.signalCode !== null)
  }

  runFolder(id: string, attempt = 1): string {
    return join(this.home, 'runs', id, String(attempt))
  }
}
