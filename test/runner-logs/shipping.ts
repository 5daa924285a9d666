import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { vi } from 'vitest'
import { LogShipper, type ShipperOptions } from '../../src/runner/tail.js'
import { StubServer } from './stub-server.js'

/** A folder, a stub server, and shippers between them; `cleanUp` ends all. */
export class Shipping {
  readonly server = new StubServer()
  /** What the shippers have logged. */
  readonly logged: { level: number; msg: string }[] = []
  readonly #shippers: LogShipper[] = []

  private constructor(readonly dir: string) {}

  static async begin(): Promise<Shipping> {
    const shipping = new Shipping(await mkdtemp(join(tmpdir(), 'anneal-tail-')))
    await shipping.server.start()
    return shipping
  }

  get file(): string {
    return join(this.dir, '0.log')
  }

  /** What the server has of the stream. */
  get stored(): Buffer {
    return this.server.stream(PATH).bytes
  }

  get isFinal(): boolean {
    return this.server.stream(PATH).final
  }

  shipper(options: Partial<ShipperOptions> = {}): LogShipper {
    const shipper = new LogShipper({
      servers: { current: this.server.url },
      token: 'host-token',
      jobId: JOB,
      attempt: 2,
      fence: 7,
      stream: '0',
      file: this.file,
      maxBytes: 1e9,
      logger: pino({ level: 'info' }, { write: (line: string) => void this.logged.push(JSON.parse(line)) }),
      ...options,
    })
    this.#shippers.push(shipper)
    return shipper
  }

  async cleanUp(): Promise<void> {
    for (const shipper of this.#shippers) shipper.close()
    await this.server.stop()
    await rm(this.dir, { recursive: true })
  }
}

export const JOB = '01hzzzzzzzzzzzzzzzzzzzzzzz'
export const PATH = `/api/v1/host/logs/${JOB}/2/0`
export const WARN = 40

/** Waits until `check` throws no longer, looking often. */
export function eventually(check: () => void | Promise<void>, timeout = 10_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 5 })
}
