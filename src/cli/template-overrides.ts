import { resolve } from 'node:path'
import type { Client, Job } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { say } from './output.js'
import { applyFlags, type JobFlags, originOf } from './spec/job-flags.js'

/** Fields whose values are text also where they look like a number. */
const TEXT = /^(env\.|tags\.|timeouts\.|name$|command$|setup$|pool$)/
const MERGED = ['resources', 'env', 'timeouts', 'tags']

/** Submits a job of a template: `--set` and the flags of a job are what is changed in it. */
export async function submitTemplate(
  client: Client,
  ref: string,
  set: Record<string, string>,
  flags: JobFlags,
): Promise<Job> {
  const { spec, origins } = applyFlags({}, flags)
  const overrides = { ...flatten(spec), ...valuesOf(set) }
  if (typeof flags.workdir === 'string') {
    const { prepareWorkdir } = await import('./workdir/prepare.js')
    overrides.workdir = await prepareWorkdir(client, resolve(flags.workdir))
  } else if (!flags.workdir) overrides.workdir = null
  try {
    const { job, existed } = await client.submitTemplate(ref, overrides, flags.idempotencyKey)
    if (existed) say(`this key has been used for the same job before: it is ${job.id}`)
    return job
  } catch (error) {
    throw located(error, set, (path) => originOf(origins, path))
  }
}

/** `env.LR=0.2` is text, as a process gets it; elsewhere what is JSON is taken as such, so 2 is a number and null takes away. */
function valuesOf(set: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(set).map(([path, text]) => [path, TEXT.test(path) ? text : parsed(text)]))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function flatten(spec: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(spec).flatMap(([key, value]) =>
      MERGED.includes(key)
        ? Object.entries(value as object).map(([inner, one]) => [`${key}.${inner}`, one])
        : [[key, value]],
    ),
  )
}

/** `set.resources.gpus` was `--set resources.gpus` or `--gpus`. */
function located(error: unknown, set: Record<string, string>, flagOf: (path: string) => string | undefined): unknown {
  const { problems, message, next } = error as Failure
  const code = failureCode(error)
  if (!code || !problems) return error
  const moved = problems.map((problem) => {
    const path = /^set\.(.+)$/.exec(problem.path)?.[1]
    if (path === undefined) return problem
    return { ...problem, path: path in set ? `--set ${path}` : (flagOf(path) ?? `--set ${path}`) }
  })
  return new Failure(code, message, { problems: moved, ...(next ? { next } : {}), cause: error })
}
