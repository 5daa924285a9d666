import type { Assignment } from '../schema/agent.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import { LogShipper } from './tail.js'

/** The logs of one attempt on their way to the server: a shipper for each stream that has a file. */
export class LogStreams {
  readonly #shippers = new Map<string, LogShipper>()
  #finished: Promise<unknown> | undefined

  constructor(
    private readonly site: Site,
    private readonly folder: RunFolder,
    private readonly assignment: Assignment,
  ) {}

  /** Ships what there is; silent when it does so already. */
  start(): void {
    for (const stream of this.folder.streams) {
      if (!this.#shippers.has(stream)) this.#open(stream).start()
    }
  }

  /**
   * To be called when nobody writes any more: resolves when the server has every byte, or has refused them because the
   * attempt is no longer ours. Tries for ever; rejects when closed meanwhile.
   */
  finish(): Promise<unknown> {
    this.start()
    this.#finished ??= Promise.all([...this.#shippers.values()].map((shipper) => shipper.finish()))
    return this.#finished
  }

  /** The server may have lost its last bytes, or have forgotten the stream: asks it where it ends. */
  serverIsBack(): void {
    for (const shipper of this.#shippers.values()) shipper.serverIsBack()
  }

  close(): void {
    for (const shipper of this.#shippers.values()) shipper.close()
  }

  /** As the store names it: `1`, `setup-1` and `stacks-1` of rank 1. On the host each rank has a folder of its own. */
  #nameOf(stream: string): string {
    const { rank = 0 } = this.assignment
    if (rank === 0) return stream
    return stream === '0' ? String(rank) : `${stream}-${rank}`
  }

  #open(stream: string): LogShipper {
    const { servers, logger } = this.site
    const { jobId, attempt, fence, logMaxBytes } = this.assignment
    const file = this.folder.file('logs', stream)
    const shipper = new LogShipper({
      servers,
      token: () => this.site.token,
      jobId,
      attempt,
      fence,
      stream: this.#nameOf(stream),
      file,
      maxBytes: logMaxBytes,
      logger,
    })
    this.#shippers.set(stream, shipper)
    return shipper
  }
}
