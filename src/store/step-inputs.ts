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
export function inputsOf(inputs: MemberPlan['inputs'], jobOf: (step: string) => string | undefined): GivenInputs {
  const content = Object.entries(inputs ?? {}).map(([key, { step, path }]) => [key, `${jobOf(step)}/${path ?? ''}`])
  return { fields: {}, content: Object.fromEntries(content) as Record<string, string> }
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
