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

  #open(stream: string): LogShipper {
    const { servers, token, logger } = this.site
    const { jobId, attempt, fence, logMaxBytes } = this.assignment
    const file = this.folder.file('logs', stream)
    const shipper = new LogShipper({
      servers,
      token,
      jobId,
      attempt,
      fence,
      stream,
      file,
      maxBytes: logMaxBytes,
      logger,
    })
    this.#shippers.set(stream, shipper)
    return shipper
  }
}
