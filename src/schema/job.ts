import { z } from 'zod'
import { InnerPath } from './artifact.js'
import { NAME_EXPECTED, parseArtifactName } from './artifact-name.js'
import { parseDuration, SECOND } from './duration.js'
import { Finetune } from './finetune.js'
import { Notify } from './notify.js'
import { REASONS } from './outcome.js'
import { wrongRemedy } from './remedy.js'
import { parseSize } from './size.js'
import { VENDORS } from './vendors.js'

export const PROVIDERS = ['local', 'eas', 'qianfan', 'modelarts', 'alayanew', 'facet'] as const
export type ProviderName = (typeof PROVIDERS)[number]
/** Services that are told in their own words what runs, so that a job for them needs no command. */
const WITHOUT_COMMAND: readonly ProviderName[] = ['qianfan', 'modelarts', 'facet']

export { MAX_SPEC_BYTES } from './limits.js'

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'expected a duration such as 90s, 15m, 2h or 3d')
  .describe('a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d')
export const positiveDuration = duration.refine((text) => parseDuration(text) !== 0, 'expected a duration above zero')
const size = z
  .string()
  .refine((text) => parseSize(text) !== undefined, 'expected a size such as 512MB, 16GB or 16GiB')
  .describe('a size: 512MB, 16GB, 16GiB')
/** Names of jobs, pools and projects. */
export const name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/,
    'expected 1–63 of a–z, 0–9, dot, dash, underscore, beginning and ending with a letter or digit',
  )
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a variable name: letters, digits, underscore')
/** A NUL cannot stand in an argument or in the environment of a process. */
const processText = z.string().refine((text) => !text.includes('\0'), 'must not contain a NUL character')

const further = z.int().min(0).max(1000)
/** What the next attempt does otherwise: `{ attempts: 2, env: { BATCH_SIZE: halve } }`. */
const Remedy = z.strictObject({
  attempts: further,
  env: z
    .record(variable, processText)
    .describe('changes for each such retry: halve or double a number of `env`, or another value'),
})

export const Retry = z
  .strictObject({
    maxAttempts: z.int().min(1).max(1000).optional().describe('attempts in all, those retried for free not counted'),
    backoff: z
      .strictObject({
        initial: positiveDuration.default('10s'),
        factor: z.number().min(1).max(10).default(2),
        max: positiveDuration.default('10m'),
      })
      .prefault({}),
    on: z
      .partialRecord(z.enum(REASONS), z.union([further, Remedy]))
      .optional()
      .describe('further attempts allowed per reason; without it every reason that may be retried, up to maxAttempts'),
  })
  .describe('default: host_lost and preempted are retried without counting, nothing else is')

export const Timeouts = z.strictObject({
  queue: positiveDuration.optional().describe('waiting for the first device'),
  setup: positiveDuration.default('1h'),
  start: positiveDuration
    .optional()
    .describe('from the end of setup to the running process; default 15m on hosted providers'),
  run: positiveDuration.optional().describe('one attempt of the process; leads to a stop with grace'),
  total: positiveDuration.optional().describe('the whole job, all attempts and waits'),
  grace: duration.default('30s').describe('between SIGTERM and SIGKILL'),
  stall: positiveDuration.optional().describe('without any log, metric or checkpoint'),
})

export const Resources = z.strictObject({
  gpus: z
    .int()
    .min(0)
    .max(1024)
    .optional()
    .describe(
      'devices held on each node; default 1. A host without GPUs gives CPU slots. 0: none, and no waiting for one',
    ),
  gpuType: z.string().min(1).max(64).optional(),
  cpus: z
    .number()
    .min(0)
    .max(4096)
    .optional()
    .describe('counted when a host is chosen, and a limit where the host can enforce it; `anneal host list` says so'),
  memory: size.optional().describe('counted when a host is chosen, and a limit where the host can enforce it'),
  nodes: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('hosts that run it side by side, each with its own gpus, cpus and memory: all of them or none'),
})

export const Checkpoints = z.strictObject({
  keepLast: z.int().min(1).max(10_000).optional().describe('whole ones, never fewer than two; default: all'),
  shared: processText
    .refine(
      (path) => /^\/(?!.*(^|\/)\.\.?(\/|$))./.test(path),
      'expected an absolute path without . and .., such as /nfs/ckpt',
    )
    .max(1024)
    .optional()
    .describe('a folder that every host of the pool sees; the job gets one of its own below it. Default: on the host'),
})

const innerPath = InnerPath.optional().describe('a file or folder of it; default: all')
export const Input = z.union([
  z.strictObject({ job: z.string().min(1).max(100).describe('id or name'), path: innerPath }),
  z.strictObject({
    artifact: z.string().refine((text) => parseArtifactName(text) !== undefined, NAME_EXPECTED),
    path: innerPath,
  }),
])
export type Input = z.infer<typeof Input>

/** More would not be overseen, and each is looked up within the submit. */
export const MAX_INPUTS = 32
export const Inputs = z
  .record(variable.max(63), Input)
  .superRefine((inputs, context) => {
    const seen = new Map([['DIR', 'ANNEAL_INPUT_DIR']])
    for (const key of Object.keys(inputs)) {
      const twin = seen.get(key.toUpperCase())
      if (twin) context.addIssue({ code: 'custom', path: [key], message: `becomes the same variable as ${twin}` })
      seen.set(key.toUpperCase(), key)
    }
    if (seen.size - 1 > MAX_INPUTS)
      context.addIssue({ code: 'custom', message: `expected at most ${MAX_INPUTS} inputs` })
  })
  .describe('outputs of other jobs, each put at $ANNEAL_INPUT_DIR/<key> before the setup')

const provider = z.enum(PROVIDERS)
type ProviderChoices = ProviderName | (ProviderName | { name: ProviderName; queue?: string | undefined })[]
const ProviderChoice = z.union([
  provider,
  z.strictObject({
    name: provider,
    queue: positiveDuration.optional().describe('how long it may leave the job waiting before the next is tried'),
  }),
])

/** A job as its owner writes it (design §3). Unknown keys are refused. */
export const JobSpec = z
  .strictObject({
    name,
    command: z
      .union([processText.min(1), z.array(processText).min(1).max(4096)])
      .optional()
      .describe('a shell line, or the arguments of one program; qianfan, modelarts and facet need none'),
    finetune: Finetune.optional().describe('instead of a command, for local, qianfan and facet; docs/finetune.md'),
    provider: z
      .union([provider, z.array(ProviderChoice).min(1).max(PROVIDERS.length)])
      .default('local')
      .describe('where it runs; of a list the next is tried when one refuses, or has left it waiting too long'),
    providerOptions: z
      .partialRecord(z.enum(VENDORS), z.record(z.string(), z.unknown()))
      .optional()
      .describe("what one service needs, in that service's own words; docs/vendors.md lists it"),
    image: z
      .string()
      .refine((image) => image === 'none', 'no host has a container runtime that Anneal uses; only none is possible')
      .optional(),
    pool: name.default('default'),
    resources: Resources.prefault({}),
    workdir: z
      .strictObject({ blob: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in lower-case hex') })
      .optional()
      .describe('the packed working directory, uploaded before; the CLI packs a path and fills this in'),
    setup: processText.min(1).optional(),
    env: z.record(variable, processText).default({}),
    secrets: z.array(variable).max(64).default([]),
    after: z
      .array(
        z.strictObject({
          job: z.string().min(1).max(100).describe('id, unique prefix of an id, or name'),
          outcome: z.enum(['any', 'completed']).default('any').describe('how it must have ended'),
        }),
      )
      .max(100)
      .optional()
      .describe(
        'jobs that must have ended before it asks for a device; it ends as dependency_failed where one did not complete',
      ),
    priority: z.int().min(0).max(100).default(50).describe('0–100, higher first'),
    timeouts: Timeouts.prefault({}),
    retry: Retry.prefault({}),
    checkpoints: Checkpoints.prefault({}),
    inputs: Inputs.optional(),
    artifacts: z
      .strictObject({
        maxBytes: size.optional().describe('of what an attempt leaves in $ANNEAL_OUTPUT_DIR; default 100GB'),
        keepFor: positiveDuration
          .optional()
          .describe('then it is removed but for what is needed; default: the server’s'),
      })
      .optional(),
    logs: z.strictObject({ maxBytes: size.default('10GB') }).prefault({}),
    tty: z.boolean().default(false),
    tags: z.record(z.string().min(1).max(63), z.string().max(255)).default({}),
    notify: Notify.optional(),
  })
  .refine(hasWhatItNeeds, { path: ['command'], message: 'is required', when: () => true }) // told together with all else
  .superRefine((spec, context) => {
    for (const wrong of [wrongRemedy(spec), wrongFinetune(spec)])
      if (wrong) context.addIssue({ code: 'custom', ...wrong })
  })
  .meta({ id: 'JobSpec' })
export type JobSpec = z.infer<typeof JobSpec>
export type JobSpecInput = z.input<typeof JobSpec>

function hasWhatItNeeds(spec: { command?: unknown; finetune?: unknown; provider?: ProviderChoices }): boolean {
  if (spec.command !== undefined || spec.finetune !== undefined) return true
  const providers = providersOf({ provider: spec.provider ?? 'local' })
  return providers.every(({ name }) => WITHOUT_COMMAND.includes(name))
}

/** A fine-tune takes the place of the command; what a hosted provider makes of it is that provider's to say. */
function wrongFinetune(spec: { command?: unknown; finetune?: unknown }) {
  if (spec.finetune === undefined) return undefined
  if (spec.command === undefined) return undefined
  return { path: ['finetune'], message: 'takes the place of command; give one of them' }
}

/** The job's providers in the order in which they are tried. */
export function providersOf({ provider }: { provider: ProviderChoices }): {
  name: ProviderName
  queue?: string | undefined
}[] {
  return [provider].flat().map((choice) => (typeof choice === 'string' ? { name: choice } : choice))
}

/** Milliseconds of a duration that the schema has accepted. */
export function milliseconds(text: string): number {
  const value = parseDuration(text)
  if (value === undefined) throw new Error(`not a duration: ${text}`)
  return value
}

/** Devices that one attempt holds on each of its nodes. */
export function devicesOf(spec: JobSpec): number {
  return spec.resources.gpus ?? 1
}

/** Milliseconds until a stop turns from SIGTERM to SIGKILL. */
export function graceOf(spec: JobSpec): number {
  return milliseconds(spec.timeouts.grace ?? `${30 * SECOND}ms`)
}
