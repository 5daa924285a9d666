import type { JobSpec } from '../schema/job.js'
import type { MemberPlan } from '../schema/parse-step.js'

/** Jobs that a step's process is told of at most: a variable of the environment may have 128 KB. */
const MOST_TOLD = 1_000

/** What a step's job gets from the steps before it. */
export interface GivenInputs {
  /** Fields of its description. */
  fields: Partial<JobSpec>
  /** What the inputs are, by key, for the hash of a cached step. */
  content: Record<string, string>
}

/** The inputs of a step as those of its job: the outputs of the jobs that its steps have had. */
export function inputsOf(
  inputs: MemberPlan['inputs'],
  own: JobSpec['inputs'],
  jobOf: (step: string) => string | undefined,
): GivenInputs {
  const ofSteps = Object.entries(inputs ?? {}).flatMap(([key, { step, path }]) => {
    const job = jobOf(step)
    return job === undefined ? [] : [[key, { job, ...(path === undefined ? {} : { path }) }] as const]
  })
  const all = { ...own, ...Object.fromEntries(ofSteps) }
  const content = Object.fromEntries(Object.entries(all).map(([key, input]) => [key, JSON.stringify(input)]))
  return { fields: Object.keys(all).length > 0 ? { inputs: all } : {}, content }
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
