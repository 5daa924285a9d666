import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DefaultLogger, type NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { Activities, MonitorActivities } from '../activities/index.js'
import { CONTROL_QUEUE, MONITOR_QUEUE } from '../schema/contract.js'
import { SECOND } from '../schema/duration.js'

const RESTART_PAUSE = 1 * SECOND
const CLOSE_WITHIN = 10 * SECOND

/** Sends the SDK's own log lines to ours. Once per process, before any worker or native connection. */
export function installRuntime(logger: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn']({ temporal: meta }, message)
    }),
  })
}

export interface WorkerOptions {
  connection: NativeConnection
  namespace: string
  activities: Activities
  /** The watches of runs at other services, on a queue of their own. */
  monitor: MonitorActivities
  logger: Logger
}

/** Runs both workers, of the workflows with their short activities and of the long watches, until closed. */
export async function startWorkers({
  activities,
  monitor,
  logger,
  ...to
}: WorkerOptions): Promise<{ close(): Promise<void> }> {
  const control = await KeptWorker.start(logger, () =>
    Worker.create({
      ...to,
      ...PACE,
      taskQueue: CONTROL_QUEUE,
      activities,
      ...workflowSource(),
      maxCachedWorkflows: 500,
      maxConcurrentWorkflowTaskExecutions: 40,
      maxConcurrentLocalActivityExecutions: 200,
    }),
  )
  const watches = await KeptWorker.start(logger, () =>
    Worker.create({
      ...to,
      ...PACE,
      taskQueue: MONITOR_QUEUE,
      activities: monitor,
      maxConcurrentActivityTaskExecutions: MAX_WATCHES,
    }),
  )
  return {
    async close() {
      await Promise.all([control.close(), watches.close()])
    },
  }
}

const PACE = { shutdownGraceTime: 1 * SECOND, shutdownForceTime: 5 * SECOND } as const
/** Hosted attempts that one process watches; a watch is a timer and now and then a request. */
const MAX_WATCHES = 2_000

/**
 * A worker that fails (Temporal away for long, or its database replaced) is followed by a new one; nothing is lost meanwhile,
 * since neither workflows nor watches hold facts.
 */
class KeptWorker {
  readonly #logger: Logger
  readonly #newWorker: () => Promise<Worker>
  #worker: Worker | undefined
  #closed = false
  #done: Promise<void> = Promise.resolve()

  private constructor(logger: Logger, newWorker: () => Promise<Worker>) {
    this.#logger = logger
    this.#newWorker = newWorker
  }

  static async start(logger: Logger, newWorker: () => Promise<Worker>): Promise<KeptWorker> {
    const kept = new KeptWorker(logger, newWorker)
    kept.#worker = await newWorker()
    kept.#done = kept.#keepRunning()
    return kept
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#worker?.getState() === 'RUNNING') this.#worker.shutdown()
    // A worker whose Temporal is away does not end; what it holds is in the store.
    const atLast = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_WITHIN).unref())
    await Promise.race([this.#done, atLast])
  }

  async #keepRunning(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#worker ??= await this.#newWorker()
        await this.#worker.run()
      } catch (error) {
        this.#logger.warn({ err: error }, 'the Temporal worker ended; a new one is made')
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE))
      }
      this.#worker = undefined
    }
  }
}

/** The bundle that the build has made, or the sources when run from them. */
function workflowSource() {
  const bundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url))
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } }
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) }
}
