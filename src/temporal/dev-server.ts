import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Connection } from '@temporalio/client'
import type { Logger } from 'pino'
import { SECOND } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import { freePort } from './free-port.js'
import { isSameProcess, startTimeOf } from './process-identity.js'

const START_LIMIT = 30 * SECOND
const STOP_LIMIT = 10 * SECOND
const RESTART_PAUSE = 500

/**
 * The embedded Temporal: one child process on a database file, started again when it dies. Its database may be lost at
 * any time, since the workflows are rebuilt from the store. The file has no schema migration, so its name carries the
 * version of the CLI (temporal-notes §1, "Traps of the embedded default").
 */
export class DevServer {
  readonly #options: { binary: string; version: string; home: string; port: number; logger: Logger }
  readonly #pidFile: string
  #child: ChildProcess | undefined
  #closing = false

  private constructor(options: { binary: string; version: string; home: string; port: number; logger: Logger }) {
    this.#options = options
    this.#pidFile = join(options.home, 'temporal.pid.json')
  }

  /** Starts it, on a free port where none is named or 0, and waits until it answers. Ends first what an earlier, killed `up` of the same home has left. */
  static async start(options: {
    binary: string
    version: string
    home: string
    port?: number | undefined
    logger: Logger
  }): Promise<DevServer> {
    const server = new DevServer({ ...options, port: options.port || (await freePort()) })
    await server.#endLeftOver()
    await server.#checkPort()
    await server.#spawn()
    await server.#untilReady()
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.#options.port}`
  }

  async close(): Promise<void> {
    this.#closing = true
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT)
    await gone
    clearTimeout(timer)
    rmSync(this.#pidFile, { force: true })
  }

  async #spawn(): Promise<void> {
    const { binary, version, home, port } = this.#options
    const database = join(home, 'temporal', `temporal-${version}.db`)
    mkdirSync(dirname(database), { recursive: true })
    const log = openSync(join(home, 'logs', 'temporal.log'), 'a')
    const [http, metrics] = [await freePort(), await freePort()]
    const args = [
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--http-port',
      String(http),
      '--metrics-port',
      String(metrics),
    ]
    args.push(
      '--db-filename',
      database,
      '--sqlite-pragma',
      'journal_mode=wal',
      '--sqlite-pragma',
      'synchronous=1',
      '--log-level',
      'error',
    )
    const child = spawn(binary, args, { stdio: ['ignore', log, log], env: { ...process.env, GOMEMLIMIT: '256MiB' } })
    closeSync(log)
    child.once('error', (error) => this.#options.logger.error({ err: error }, 'Temporal could not be started'))
    child.once('exit', (code, signal) => this.#onExit(code, signal))
    this.#child = child
    if (child.pid) writeFileSync(this.#pidFile, JSON.stringify({ pid: child.pid, startTime: startTimeOf(child.pid) }))
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#closing) return
    this.#options.logger.warn({ code, signal }, 'Temporal ended; it is started again')
    setTimeout(() => !this.#closing && void this.#spawn(), RESTART_PAUSE)
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + START_LIMIT
    for (;;) {
      try {
        const connection = await Connection.connect({ address: this.address, connectTimeout: 1 * SECOND })
        await connection.workflowService.describeNamespace({ namespace: 'default' })
        return await connection.close()
      } catch (error) {
        if (Date.now() > deadline) {
          await this.close()
          throw new Failure(
            'unavailable',
            `Temporal did not answer at ${this.address} within ${START_LIMIT / SECOND} s`,
            {
              cause: error,
              next: `Read ${join(this.#options.home, 'logs', 'temporal.log')}.`,
            },
          )
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** Another program on the port would be taken for ours. */
  async #checkPort(): Promise<void> {
    const { port } = this.#options
    await freePort(port).catch((error: NodeJS.ErrnoException) => {
      throw new Failure('unavailable', `Port ${port} for Temporal cannot be opened: ${error.code}`, {
        cause: error,
        next: 'Choose another with --temporal-port, or end the program that has it.',
      })
    })
  }

  async #endLeftOver(): Promise<void> {
    if (!existsSync(this.#pidFile)) return
    const left = JSON.parse(readFileSync(this.#pidFile, 'utf8')) as { pid: number; startTime: number }
    const deadline = Date.now() + STOP_LIMIT
    for (
      let signal: NodeJS.Signals = 'SIGTERM';
      isSameProcess(left);
      signal = Date.now() > deadline ? 'SIGKILL' : 'SIGTERM'
    ) {
      process.kill(left.pid, signal)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    rmSync(this.#pidFile, { force: true })
  }
}
