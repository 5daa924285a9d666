import { z } from 'zod'
import { Failure, type Problem } from './failure.js'
import { JobSpec, name } from './job.js'
import { keysAt, problemsOf } from './problems.js'

const time = z.iso.datetime().describe('ISO 8601, UTC')
/** A place in a job: `resources.gpus`, `env.LR`. Of `env` and `tags` the rest is the key, dots and all. */
const path = z.string().min(1).max(255)
type Spec = Record<string, unknown>

export const TemplateBody = z.strictObject({
  job: z
    .record(z.string(), z.unknown())
    .describe('a job, as a JobSpec; its name is that of the template where it has none'),
  locked: z
    .array(path)
    .max(100)
    .optional()
    .describe('fields that nobody may override, such as resources.gpus; default: those of the version before'),
})
export type TemplateBody = z.infer<typeof TemplateBody>

export const TemplateInput = z.strictObject({ name, ...TemplateBody.shape }).meta({ id: 'NewTemplate' })

export const Overrides = z
  .record(path, z.unknown())
  .refine((set) => Object.keys(set).length <= 200, 'expected at most 200')
  .describe('by place, such as { "env.LR": "0.2", "resources.gpus": 2 }; null takes a field away')

export const TemplateView = z
  .object({
    id: z.string(),
    name: z.string(),
    project: z.string(),
    version: z.int(),
    latest: z.int().describe('number of the newest version'),
    job: z.record(z.string(), z.unknown()),
    locked: z.array(z.string()),
    createdBy: z.string(),
    createdAt: time.describe('of this version, ISO 8601, UTC'),
  })
  .meta({ id: 'Template' })
export type TemplateView = z.infer<typeof TemplateView>

/** One version of a template, as it is stored. */
export interface StoredTemplate {
  name: string
  version: number
  job: Spec
  locked: readonly string[]
}

/** `digits@3` or `digits`, which means the newest version. Fails with `invalid_request`. */
export function parseTemplateRef(ref: string): { name: string; version: number | undefined } {
  const match = /^([^@]+)(?:@([1-9]\d{0,8}))?$/.exec(ref)
  if (!match)
    throw new Failure('invalid_request', `${JSON.stringify(ref)} is no template; expected NAME or NAME@VERSION`)
  return { name: match[1] as string, version: match[2] === undefined ? undefined : Number(match[2]) }
}

/**
 * Fails with `invalid_spec`, naming `job.resources.gpu` or `locked[0]`, where a job or a lock
 * does not fit what jobs are now, or, by `checkService`, what the services that it names take.
 */
export function checkTemplate(
  called: string,
  { job, locked = [] }: TemplateBody,
  checkService: (spec: JobSpec) => void = () => {},
): void {
  const input = { name: called, ...job }
  const result = JobSpec.safeParse(input)
  const wrong = result.success ? [] : problemsOf(result.error, JobSpec, input)
  const problems = wrong.map((one) => ({ ...one, path: one.path === '(document)' ? 'job' : `job.${one.path}` }))
  locked.forEach((field, i) => {
    const message = problemOfField(field)
    if (message) problems.push({ path: `locked[${i}]`, message, value: field })
  })
  if (result.success) problems.push(...problemsFrom(() => checkService(result.data)))
  if (problems.length > 0)
    throw invalid(`The template ${called} has errors`, problems, 'Mend what is named, then send it again.')
}

function problemsFrom(check: () => void): Problem[] {
  try {
    check()
    return []
  } catch (error) {
    if (!(error instanceof Failure) || !error.problems) throw error
    return error.problems.map((one) => ({ ...one, path: `job.${one.path}` }))
  }
}

/**
 * The job of a template with overrides. Fails with `forbidden` for a locked field, naming it and the template; with `invalid_spec`
 * where an override does not fit (`set.env.LR`), or where the stored version itself no longer does (`digits@2: resources.gpu`).
 */
export function jobOf(template: StoredTemplate, set: Readonly<Spec>): JobSpec {
  refuseLocked(template, Object.keys(set))
  const base: Spec = { name: template.name, ...template.job }
  const input = Object.entries(set).reduce((spec, [place, value]) => put(spec, keysOf(place), value), base)
  const result = JobSpec.safeParse(input)
  if (result.success) return result.data
  const ref = `${template.name}@${template.version}`
  const problems = problemsOf(result.error, JobSpec, input).map((one) => {
    const isSet = Object.keys(set).some((field) => isWithin(one.path, field))
    return { ...one, path: isSet ? `set.${one.path}` : `${ref}: ${one.path}` }
  })
  const isOwn = problems.some((one) => one.path.startsWith(`${ref}: `))
  throw isOwn
    ? invalid(
        `Template ${ref} does not fit any more`,
        problems,
        `Make a version that does: anneal template update ${template.name} FILE`,
      )
    : invalid(`Template ${ref} cannot be used so`, problems, 'Mend what is named, then send it again.')
}

function refuseLocked({ name: called, version, locked }: StoredTemplate, fields: readonly string[]): void {
  const refused = fields.flatMap((field) => {
    const lock = locked.find((one) => isWithin(field, one) || isWithin(one, field))
    return lock ? [{ field, lock }] : []
  })
  if (refused.length === 0) return
  const problems = refused.map(({ field, lock }) => ({
    path: `set.${field}`,
    message: `${lock} is locked by template ${called}@${version}`,
  }))
  throw new Failure('forbidden', `${problems[0]?.path}: ${problems[0]?.message}`, {
    problems,
    next: 'Leave it out, or ask an administrator for another template.',
  })
}

/** Whether a place is another one, or stands below it. */
function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`)
}

function put(spec: Spec, [first, ...rest]: string[], value: unknown): Spec {
  const key = first as string
  if (rest.length === 0) {
    if (value !== null) return { ...spec, [key]: value }
    const { [key]: _, ...left } = spec
    return left
  }
  const below = spec[key]
  const inner = typeof below === 'object' && below !== null && !Array.isArray(below) ? (below as Spec) : {}
  return { ...spec, [key]: put(inner, rest, value) }
}

function keysOf(place: string): string[] {
  const map = /^(env|tags)\.(.+)$/.exec(place)
  return map ? [map[1] as string, map[2] as string] : place.split('.')
}

function problemOfField(field: string): string | undefined {
  const keys = keysOf(field)
  for (let i = 0; i < keys.length; i++) {
    const known = keysAt(JobSpec, keys.slice(0, i))
    if (known.length > 0 && !known.includes(keys[i] as string))
      return `no job has a field ${field}; expected one of ${known.join(', ')}`
  }
  return undefined
}

function invalid(what: string, problems: Problem[], next: string): Failure {
  const [first] = problems
  return new Failure('invalid_spec', `${what}: ${first?.path}: ${first?.message}`, { problems, next })
}
