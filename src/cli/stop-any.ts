import type { Client, Job, Pipeline, Sweep } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { sayBreaks } from './follow.js'
import { plain } from './output.js'
import { pipelineStanding } from './pipeline/text.js'
import { outcomeLine, standing } from './text.js'

/** What somebody has asked to be stopped. */
export type Stopped = { job: Job } | { pipeline: Pipeline } | { sweep: Sweep }

/**
 * Wants a job stopped, or where there is no such job a pipeline, a sweep or an array. Fails with `not_found` where there is none of
 * them. `isForced` is for jobs.
 */
export async function stopAny(client: Client, ref: string, isForced: boolean): Promise<Stopped> {
  try {
    return { job: await client.stopJob(ref, { force: isForced }) }
  } catch (error) {
    if (failureCode(error) !== 'not_found') throw error
    const group = await stopGroup(client, ref, isForced)
    if (group) return group
    throw new Failure(
      'not_found',
      `There is no job, pipeline, sweep or array with the id or name ${JSON.stringify(ref)}`,
      { next: 'see what there is: anneal list', cause: error },
    )
  }
}

async function stopGroup(client: Client, ref: string, isForced: boolean): Promise<Stopped | undefined> {
  const found = (await unlessMissing(client.showPipeline(ref)))
    ? 'pipeline'
    : (await unlessMissing(client.showSweep(ref))) && 'sweep'
  if (!found) return undefined
  if (isForced)
    throw new Failure('invalid_request', `${ref} is a ${found}, and --force is for jobs`, {
      next: `stop it without, then its jobs: anneal list --group ${ref}`,
    })
  return found === 'pipeline' ? { pipeline: await client.stopPipeline(ref) } : { sweep: await client.stopSweep(ref) }
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (failureCode(error) === 'not_found') return undefined
    throw error
  }
}

/** Waits for its end. */
export async function untilStopped(client: Client, stopped: Stopped): Promise<Stopped> {
  if ('job' in stopped) return { job: await client.waitFor(stopped.job.id, { ...sayBreaks() }) }
  if ('sweep' in stopped) return { sweep: await client.waitForSweep(stopped.sweep.id, { ...sayBreaks() }) }
  const { waitForPipelines } = await import('./pipeline/wait.js')
  const [pipeline = stopped.pipeline] = (await waitForPipelines(client, [stopped.pipeline.id], { json: true })) ?? []
  return { pipeline }
}

/** Its line, and how to wait for its end where that has not come. */
export function linesOf(stopped: Stopped): { line: string; wait: string | undefined } {
  if ('job' in stopped) {
    const { job } = stopped
    const text = job.outcome ? outcomeLine(job.outcome) : standing(job)
    return { line: `${job.id}  ${job.name}  ${text}`, wait: job.outcome ? undefined : `anneal wait ${job.id}` }
  }
  const [noun, { id, name, outcome, state }] =
    'pipeline' in stopped ? ['pipeline', stopped.pipeline] : ['sweep', stopped.sweep]
  const text = 'pipeline' in stopped ? pipelineStanding(stopped.pipeline) : (outcome?.reason ?? state)
  return { line: `${id}  ${name}  ${noun} ${plain(text)}`, wait: outcome ? undefined : `anneal ${noun} wait ${id}` }
}
