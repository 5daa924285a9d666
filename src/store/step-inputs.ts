import type { JobSpec } from '../schema/job.js'
import type { MemberPlan } from '../schema/parse-step.js'
import { inputOfItem } from '../schema/step-outputs.js'
import type { Steps } from './steps.js'

/** Jobs that a step's process is told of at most: a variable of the environment may have 128 KB. */
const MOST_TOLD = 1_000

/** The inputs of a step's job: its own, and the outputs of the jobs that other members have had. */
export function inputsOf(
  inputs: MemberPlan['inputs'],
  own: JobSpec['inputs'],
  steps: Pick<Steps, 'keysOf' | 'jobOf'>,
): Pick<JobSpec, 'inputs'> {
  const ofSteps = Object.entries(inputs ?? {}).flatMap(([key, { step, path }]) => {
    return steps.keysOf(step).flatMap((member) => {
      const job = steps.jobOf(member)
      const own = member === step ? key : inputOfItem(key, member)
      return job === undefined ? [] : [[own, { job, ...(path === undefined ? {} : { path }) }] as const]
    })
  })
  const all = { ...own, ...Object.fromEntries(ofSteps) }
  return Object.keys(all).length > 0 ? { inputs: all } : {}
}

/** `ANNEAL_STEP_PREPARE_JOB` and the like: the ids of the jobs of a step that is needed, in the order of its items, with spaces between. */
export function stepVariables(
  needs: readonly string[],
  jobsOf: (step: string) => readonly string[],
): Record<string, string> {
  const told = needs.flatMap((step) => {
    const jobs = jobsOf(step)
    const name = `ANNEAL_STEP_${step.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_JOB`
    return jobs.length === 0 || jobs.length > MOST_TOLD ? [] : [[name, jobs.join(' ')]]
  })
  return Object.fromEntries(told) as Record<string, string>
}
