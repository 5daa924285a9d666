import type { Fact, FactBody, Hello } from '../../src/schema/agent.js'
import type { JobFacts } from '../../src/schema/contract.js'
import { JobSpec, type JobSpecInput } from '../../src/schema/job.js'
import type { AttemptRow, JobRow } from '../../src/store/database.js'
import { beginAttempt, look } from '../../src/store/decisions.js'
import { type Ack, applyFacts } from '../../src/store/facts.js'
import { registerHost } from '../../src/store/hosts.js'
import { submitJob } from '../../src/store/jobs.js'
import type { Store } from '../../src/store/store.js'

export const HOST = 'host-1'

export function spec(more: Partial<JobSpecInput> = {}): JobSpec {
  return JobSpec.parse({ name: 'job', command: 'true', ...more })
}

export function hello(devices: number, more: Partial<Hello> = {}): Hello {
  const list = Array.from({ length: devices }, (_, i) => ({
    index: i,
    kind: 'cpu' as const,
    uuid: `cpu-${i}`,
    model: 'CPU slot',
    memoryBytes: null,
  }))
  return {
    type: 'hello',
    hostId: HOST,
    name: HOST,
    pool: 'default',
    bootId: 'boot-1',
    instance: 'agent-1',
    labels: {},
    leased: false,
    version: '0',
    containment: 'best_effort',
    devices: list,
    cpus: devices,
    memoryBytes: 1e9,
    diskFreeBytes: 1e9,
    ...more,
  }
}

export async function connectHost(store: Store, devices: number, more: Partial<Hello> = {}): Promise<void> {
  await store.transact((tx) => registerHost(tx, hello(devices, more)))
}

export async function submit(store: Store, more: Partial<JobSpecInput> = {}, key?: string): Promise<JobRow> {
  const submission = { project: 'default', actor: 'test', spec: spec(more), idempotencyKey: key }
  return (await store.transact((tx) => submitJob(tx, submission))).job
}

/** Begins the next attempt as the workflow would. */
export async function begin(store: Store, jobId: string): Promise<JobFacts> {
  const facts = await look(store.read, jobId)
  return (await store.transact((tx) => beginAttempt(tx, jobId, (facts as JobFacts).version))) as JobFacts
}

/** Begins an attempt, which is launched at once since a device is free. */
export async function launchNow(store: Store, jobId: string): Promise<AttemptRow> {
  const facts = await begin(store, jobId)
  return attemptOf(store, jobId, facts.attempt?.number as number)
}

export function attemptOf(store: Store, jobId: string, number: number): Promise<AttemptRow> {
  return store.read
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('number', '=', number)
    .executeTakeFirstOrThrow()
}

export function jobOf(store: Store, jobId: string): Promise<JobRow> {
  return store.read.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow()
}

/** Reports facts of an attempt, numbered after those that the store has. */
export async function report(store: Store, attempt: AttemptRow, ...bodies: FactBody[]): Promise<Ack[]> {
  const { facts: last } = await attemptOf(store, attempt.job_id, attempt.number)
  const facts: Fact[] = bodies.map((body, i) => ({
    jobId: attempt.job_id,
    attempt: attempt.number,
    fence: attempt.fence,
    n: last + 1 + i,
    at: Date.now(),
    body,
  }))
  return store.transact((tx) => applyFacts(tx, attempt.host_id as string, facts))
}

export const started: FactBody = { type: 'started', pid: 42, startTime: 1, bootId: 'boot-1', resumeFrom: null }
export const exited = (code: number): FactBody => ({ type: 'exited', exit: { phase: 'run', code } })
export const empty: FactBody = { type: 'empty' }
