import { MAX_PLANNED, type PipelinePlanView, type SweepPlanView } from '../schema/group-plan.js'
import { JobSpec } from '../schema/job.js'
import type { ParsedPipeline } from '../schema/parse-pipeline.js'
import { type StepNode, stepOf } from '../schema/pipeline-next.js'
import { jobOfTrial } from '../schema/sweep-template.js'
import type { PlanView } from '../schema/view.js'
import type { Db } from './database.js'
import { planJob } from './queue.js'
import type { Planned } from './sweep-changes.js'
import { usualWindow } from './sweep-window.js'

/** What a sweep or an array would run if it were submitted now. Writes nothing. */
export async function planOfSweep(db: Db, { plan, trials }: Planned): Promise<SweepPlanView> {
  const look = newLook(db)
  const shown: SweepPlanView['trials'] = []
  for (const { key, parameters } of trials.slice(0, MAX_PLANNED)) {
    const spec = JobSpec.parse(jobOfTrial(plan, key, { parameters }))
    shown.push({ key, parameters, ...(await look(spec)) })
  }
  const { name, method, size, window } = plan
  return { name, method, size, window: window ?? (await usualWindow(db, plan)), trials: shown }
}

/** What a pipeline would run if it were submitted now and everything in it went well. Writes nothing. */
export async function planOfPipeline(db: Db, pipeline: ParsedPipeline): Promise<PipelinePlanView> {
  const { name, maxParallel, nodes, members } = pipeline
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const look = newLook(db)
  const shown: PipelinePlanView['members'] = []
  for (const { key, data } of members.slice(0, MAX_PLANNED)) {
    const { kind, needs, when } = byName.get(stepOf(key)) as StepNode
    const job = data.spec ? await look(data.spec) : null
    const { from } = data.fan ?? {}
    const forEach = from ? `${from.step}:${from.path}` : null
    shown.push({ key, kind, needs, when: when ?? null, forEach, job })
  }
  return { name, size: members.length, maxParallel, members: shown }
}

type PlannedJob = SweepPlanView['trials'][number]

/** Jobs that ask for the same are looked at once. */
function newLook(db: Db) {
  const plans = new Map<string, PlanView>()
  return async (spec: JobSpec): Promise<Pick<PlannedJob, 'name' | 'command' | 'plan'>> => {
    const { name, command, pool, resources, priority, provider, timeouts } = spec
    const asked = JSON.stringify([pool, resources, priority, provider, timeouts])
    const plan = plans.get(asked) ?? (await planJob(db, spec))
    plans.set(asked, plan)
    return { name, command: command ?? null, plan }
  }
}
