import type { Fact, FactBody } from '../schema/agent.js'
import type { Exit } from '../schema/contract.js'
import type { JobSpec } from '../schema/job.js'
import { expectArtifacts } from './artifacts.js'
import { tellFact, updateAttempt } from './attempts.js'
import { notePlace } from './checkpoint-moves.js'
import { limitFrom } from './clocks.js'
import type { AttemptRow, JobRow, RankRow } from './database.js'
import { quarantineDevices, releaseDevices, setAsideDevices } from './ledger.js'
import { noteLostWork } from './lost-work.js'
import { applyRankFact } from './rank-facts.js'
import { rankOn } from './ranks.js'
import { forUpdate, type Tx } from './store.js'
import { lockJob, raiseVersion } from './timeline.js'

export type Ack = { jobId: string; attempt: number; n: number }

/**
 * Takes what a host reports, each fact once and in its order. Answers what may be acknowledged after the commit: facts of
 * an attempt that this host does not hold (any more) are acknowledged and not written, so that the host forgets them.
 */
export async function applyFacts(tx: Tx, hostId: string, facts: readonly Fact[]): Promise<Ack[]> {
  const acks: Ack[] = []
  for (const fact of facts) {
    const job = await lockJob(tx, fact.jobId)
    const attempt = await lockAttempt(tx, fact.jobId, fact.attempt)
    const rank = attempt && attempt.nodes > 1 ? await rankOn(tx.q, attempt, hostId) : undefined
    const holder = attempt && attempt.nodes > 1 ? rank : attempt
    const isOurs = job && attempt && holder && attempt.fence === fact.fence && holder.host_id === hostId
    if (isOurs && fact.n === holder.facts + 1) await applyFact(tx, job, attempt, rank, fact)
    if (!isOurs || fact.n <= holder.facts + 1) acks.push({ jobId: fact.jobId, attempt: fact.attempt, n: fact.n })
  }
  return acks
}

async function lockAttempt(tx: Tx, jobId: string, number: number): Promise<AttemptRow | undefined> {
  return forUpdate(
    tx,
    tx.q.selectFrom('attempts').selectAll().where('job_id', '=', jobId).where('number', '=', number),
  ).executeTakeFirst()
}

async function applyFact(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow,
  rank: RankRow | undefined,
  fact: Fact,
): Promise<void> {
  // The host's clock says when it happened: not in our future, and not before the host had the attempt.
  const at = Math.round(Math.min(Math.max(fact.at, attempt.granted_at ?? attempt.queued_at), tx.now))
  const effect = effectOf(tx, fact.body, at, JSON.parse(job.spec) as JobSpec)
  await keepApart(tx, job, attempt, fact.body, rank?.host_id)
  const speaksForAll = rank === undefined || rank.rank === 0
  if (speaksForAll && (fact.body.type === 'checkpoint' || fact.body.type === 'checkpoint_moved')) {
    await notePlace(tx, job, attempt, fact.body)
  }
  if (fact.body.type === 'empty' && fact.body.outputs) {
    const from = { rank: rank?.rank ?? 0, hostId: (rank ?? attempt).host_id as string }
    await expectArtifacts(tx, job, attempt, from)
  }
  const data = { ...dataOf(fact.body), ...(speaksForAll ? await lostWork(tx, job, attempt, fact.body) : {}) }
  if (rank) return applyRankFact(tx, job, attempt, rank, { ...fact, at, data }, effect.set)
  await updateAttempt(tx, attempt, { ...effect.set, facts: fact.n })
  const { type } = fact.body
  const actor = `host:${attempt.host_id}`
  await tellFact(tx, job, attempt, { type, actor, at, data, hasStarted: type === 'started' })
  if (type === 'empty') await releaseDevices(tx, job.pool, job.id, attempt.number)
  if (effect.raise) await raiseVersion(tx, job.id)
}

/** What a further attempt has to do again; nothing is said where its agent did not note when its checkpoint was made. */
async function lostWork(tx: Tx, job: JobRow, attempt: AttemptRow, body: FactBody): Promise<{ lostMs?: number }> {
  if (body.type !== 'started' || attempt.number === 1 || body.resumeAt === undefined) return {}
  if (body.resumeFrom !== null && body.resumeAt === null) return {}
  return { lostMs: await noteLostWork(tx, job, attempt, body.resumeAt) }
}

/** Devices that met a hardware error, or that a tree may still use, are kept from everybody; of several ranks, those of that one. */
async function keepApart(tx: Tx, { id }: JobRow, { number }: AttemptRow, body: FactBody, on?: string): Promise<void> {
  if (body.type === 'exited' && body.exit.diagnosis?.cause === 'device_error') {
    const { line } = body.exit.diagnosis
    await setAsideDevices(tx, id, number, `set aside after job ${id} met a hardware error: ${line}`, on)
  }
  if (body.type === 'stuck') {
    await quarantineDevices(tx, id, number, `processes ${body.pids.join(', ')} of job ${id} outlived SIGKILL`, on)
  }
}

/** What a fact writes, and whether the workflow must be woken by it: only by what may end the attempt. */
function effectOf(tx: Tx, body: FactBody, at: number, spec: JobSpec): { set: Partial<AttemptRow>; raise: boolean } {
  switch (body.type) {
    case 'accepted':
      return { set: { accepted_at: at, boot_id: body.bootId }, raise: false }
    case 'refused':
      return { set: { refused: body.message }, raise: false }
    case 'setup':
      return { set: { setup_at: at, ...limitFrom('setup', at, spec.timeouts.setup) }, raise: false }
    case 'setup_done': {
      const clocks = { setup_warn_at: null, ...limitFrom('start', at, spec.timeouts.start) }
      return { set: { setup_done_at: at, setup_cached: body.cached ? 1 : 0, ...clocks }, raise: false }
    }
    case 'started': {
      const identity = { pid: body.pid, pid_start: body.startTime, boot_id: body.bootId, resume_from: body.resumeFrom }
      const clocks = { start_warn_at: null, ...limitFrom('run', at, spec.timeouts.run) }
      return { set: { started_at: at, ...clocks, ...identity }, raise: false }
    }
    case 'saving':
      return { set: { saving_at: at }, raise: false }
    case 'checkpoint':
      return { set: { checkpoint: body.path }, raise: false }
    case 'checkpoint_damaged':
    case 'checkpoint_moved':
    case 'checkpoint_left':
      return { set: {}, raise: false }
    case 'stalled':
      return { set: { stalled_at: tx.now }, raise: true }
    case 'moving':
      return { set: { stalled_at: null }, raise: false }
    case 'exited':
      return { set: { exited_at: at, run_warn_at: null, exit: JSON.stringify(body.exit satisfies Exit) }, raise: false }
    case 'empty':
      return { set: { empty_at: at }, raise: true }
    case 'stuck':
      return { set: { stuck_at: at }, raise: true }
  }
}

function dataOf(body: FactBody): Record<string, unknown> {
  const { type: _, ...data } = body
  return data
}
