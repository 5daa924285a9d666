import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DefaultLogger, type NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { Activities } from '../activities/index.js'
import { CONTROL_QUEUE } from '../schema/contract.js'
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

/**
 * Runs a worker until it is closed. A worker that fails (Temporal away for long, or its database replaced) is followed by a new
 * one; nothing is lost meanwhile, since workflows hold no facts.
 */
export class ControlWorker {
  readonly #options: { connection: NativeConnection; namespace: string; activities: Activities; logger: Logger }
  #worker: Worker | undefined
  #closed = false
  #done: Promise<void> = Promise.resolve()

  private constructor(options: {
    connection: NativeConnection
    namespace: string
    activities: Activities
    logger: Logger
  }) {
    this.#options = options
  }

  static async start(options: {
    connection: NativeConnection
    namespace: string
    activities: Activities
    logger: Logger
  }): Promise<ControlWorker> {
    const control = new ControlWorker(options)
    await control.#create()
    control.#done = control.#keepRunning()
    return control
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#worker?.getState() === 'RUNNING') this.#worker.shutdown()
    // A worker whose Temporal is away does not end; what it holds is in the store.
    const atLast = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_WITHIN).unref())
    await Promise.race([this.#done, atLast])
  }

  async #create(): Promise<void> {
    this.#worker = await Worker.create({
      connection: this.#options.connection,
      namespace: this.#options.namespace,
      taskQueue: CONTROL_QUEUE,
      activities: this.#options.activities,
      ...workflowSource(),
      maxCachedWorkflows: 500,
      maxConcurrentWorkflowTaskExecutions: 40,
      maxConcurrentLocalActivityExecutions: 200,
      shutdownGraceTime: 1 * SECOND,
      shutdownForceTime: 5 * SECOND,
    })
  }

  async #keepRunning(): Promise<void> {
    while (!this.#closed) {
      try {
        if (!this.#worker) await this.#create()
        await this.#worker?.run()
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'the Temporal worker ended; a new one is made')
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
