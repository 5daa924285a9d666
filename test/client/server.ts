import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, createApp } from '../../src/api/app.js'
import { WebhookSeal } from '../../src/api/webhook-seal.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import type { Outcome } from '../../src/schema/outcome.js'
import { BlobFolder } from '../../src/store/blobs.js'
import type { AttemptRow } from '../../src/store/database.js'
import { look, settle } from '../../src/store/decisions.js'
import { LogFiles } from '../../src/store/log-files.js'
import { createToken, ensureProject } from '../../src/store/tokens.js'
import { connectHost, empty, exited, launchNow, report, started, submit } from '../support/jobs.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'

/** A real server of the API on a free port; no host and no workflow runs, so a test moves the jobs itself. */
export interface TestServer {
  url: string
  token: string
  port: number
  /** Empty; the test may use it as it likes. */
  folder: string
  store: TestStore['store']
  blobs: BlobFolder
  logs: LogFiles
  /** Makes a token of another role. */
  newToken(role: 'viewer' | 'user'): Promise<string>
  /** Ends the API and every connection, as a restart of the server does; the store stays. */
  stop(): Promise<void>
  /** Starts it again on the same port. */
  start(): Promise<void>
  close(): Promise<void>
}

export async function startServer(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'anneal-server-'))
  const { store, drop } = await newSqliteStore()
  const blobs = new BlobFolder(join(folder, 'blobs'))
  const logs = new LogFiles(join(folder, 'logs'))
  const logger = pino({ level: 'silent' })
  const { secret } = await store.transact(async (tx) => {
    await ensureProject(tx, 'default')
    return createToken(tx, { role: 'admin', project: 'default' })
  })
  let app: App | undefined
  const server = {
    url: '',
    port: 0,
    token: secret,
    folder,
    store,
    blobs,
    logs,
    newToken: (role: 'viewer' | 'user') =>
      store.transact(async (tx) => (await createToken(tx, { role, project: 'default' })).secret),
    async stop() {
      await app?.close()
      app = undefined
    },
    async start() {
      app = await createApp({
        store,
        blobs,
        logs,
        logger,
        version: '0',
        deployments: {} as never,
        seal: new WebhookSeal(folder, 'a key for the tests, long enough'),
        temporalAnswers: () => true,
      })
      server.url = await app.listen({ host: '127.0.0.1', port: server.port })
      server.port = Number(new URL(server.url).port)
    },
    async close() {
      await server.stop()
      await logs.close()
      await drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** Submits a job and starts its first attempt, as host and workflow would. */
export async function runningJob(server: TestServer, more: Partial<JobSpecInput> = {}): Promise<AttemptRow> {
  await connectHost(server.store, 4)
  const job = await submit(server.store, more)
  return startAttempt(server, job.id)
}

/** Starts the next attempt of a job that has been submitted. */
export async function startAttempt(server: TestServer, jobId: string): Promise<AttemptRow> {
  const attempt = await launchNow(server.store, jobId)
  await report(server.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started)
  return attempt
}

/** Writes at the end of a stream. */
export async function write(
  server: TestServer,
  attempt: AttemptRow,
  text: string | Uint8Array,
  stream = '0',
): Promise<void> {
  const key = { jobId: attempt.job_id, attempt: attempt.number, stream }
  const { end } = await server.logs.end(key)
  await server.logs.append(key, end, Buffer.from(text))
}

/** Ends the process, its streams (unless `lateLogs`) and its attempt; the job ends too, or waits for its next attempt. */
export async function endAttempt(
  server: TestServer,
  attempt: AttemptRow,
  outcome: Outcome,
  isLast = true,
  lateLogs = false,
): Promise<void> {
  const { job_id: jobId } = attempt
  await report(server.store, attempt, exited(outcome.exitCode ?? 0), empty)
  if (!lateLogs) await finishLogs(server, attempt)
  const retry = isLast ? undefined : { until: Date.now(), charge: true }
  await server.store.transact(async (tx) => {
    const facts = await look(tx.q, jobId)
    await settle(tx, jobId, facts?.version ?? 0, { outcome, retry })
  })
}

/** Makes the attempt's streams final, as the host does once the server has every byte; one that ran has stream 0. */
export async function finishLogs(server: TestServer, { job_id: jobId, number }: AttemptRow): Promise<void> {
  const streams = (await server.logs.streams(jobId)).filter(({ attempt }) => attempt === number)
  for (const stream of new Set(['0', ...streams.map((found) => found.stream)])) {
    const key = { jobId, attempt: number, stream }
    await server.logs.finish(key, (await server.logs.end(key)).end)
  }
}

export const COMPLETED: Outcome = {
  reason: 'completed',
  message: 'The process ended by itself with exit code 0.',
  exitCode: 0,
}
export const FAILED: Outcome = { reason: 'process_failed', message: 'The process ended with exit code 3.', exitCode: 3 }
