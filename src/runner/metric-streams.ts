import { statSync } from 'node:fs'
import type { Assignment } from '../schema/agent.js'
import { MetricFileReader } from './metric-file-reader.js'
import { MetricLogReader } from './metric-log-reader.js'
import { MetricShipper } from './metric-shipper.js'
import type { LineReader } from './metric-source.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'

/** Where the agent puts down what it measures; among the logs, so that it goes with them. */
export const HOST_METRICS = 'host-metrics.jsonl'

/** The metrics of one attempt on their way to the server. Of several ranks the process of the first one speaks. */
export class MetricStreams {
  readonly #shippers: MetricShipper[]

  constructor(
    private readonly site: Site,
    folder: RunFolder,
    private readonly assignment: Assignment,
  ) {
    const { rank = 0 } = assignment
    const own = [
      this.#shipper('file', folder.file('metrics.jsonl'), new MetricFileReader()),
      this.#shipper('log', folder.file('logs', '0'), new MetricLogReader()),
    ]
    const host = rank === 0 ? 'host' : `host-${rank}`
    const measured = this.#shipper(host, folder.file('logs', HOST_METRICS), new MetricFileReader())
    this.#shippers = [...(rank === 0 ? own : []), measured]
  }

  /** Looks at what has come; to be called every second or so. */
  poke(): void {
    for (const shipper of this.#shippers) shipper.poke()
  }

  /** To be called when nobody writes any more: resolves when the server has everything, or will not have it, or at `close`. */
  async finish(): Promise<void> {
    await Promise.all(this.#shippers.map((shipper) => shipper.finish()))
  }

  serverIsBack(): void {
    for (const shipper of this.#shippers) shipper.serverIsBack()
  }

  close(): void {
    for (const shipper of this.#shippers) shipper.close()
  }

  #shipper(source: string, file: string, reader: LineReader): MetricShipper {
    const { servers, logger } = this.site
    const { jobId, attempt, fence } = this.assignment
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    const token = () => this.site.token
    return new MetricShipper({ servers, token, jobId, attempt, fence, source, file, reader, size, logger })
  }
}
