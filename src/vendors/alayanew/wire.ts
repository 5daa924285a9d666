import { z } from 'zod'
import { shellQuote } from '../../schema/vendor-config.js'

/** The wire of Alaya NeW's distributed training, in both directions. § means a section of the reference, alayanew-training.md. */

/** Documents print the first, clients that talk to the service use the second; both are served (§12). */
export const PREFIXES = ['', '/api/osm'] as const

/** What our facade says of a job; the vendor publishes no list (§8). */
export const JOB_STATUSES = [
  'Queuing',
  'Creating',
  'Running',
  'Suspending',
  'Suspended',
  'Succeeded',
  'Failed',
  'Canceled',
] as const
export type JobStatus = (typeof JOB_STATUSES)[number]

/** 3 is the most urgent (§9, our decision): turned round here, it is turned round everywhere. */
export const PRIORITIES: Record<1 | 2 | 3, number> = { 1: 25, 2: 50, 3: 75 }

/** What the vendor's priority comes nearest to one of ours. */
export function vendorPriority(priority: number): 1 | 2 | 3 {
  const choices = [1, 2, 3] as const
  return choices.reduce((best, next) =>
    Math.abs(PRIORITIES[next] - priority) < Math.abs(PRIORITIES[best] - priority) ? next : best,
  )
}

/** §3, last column: upper bound of extra attempts. */
const MAX_RETRIES = 10
/** A month; the document gives no bound. */
const MAX_HOURS = 720
const MAX_MOUNTS = 32

const text = z.string().refine((value) => !value.includes('\0'), 'must not contain a NUL character')
/** Numbers that the vendor writes as strings; both are taken, strings are given (§1). */
const numeric = z
  .union([z.number().min(0), z.string().regex(/^\d{1,9}(\.\d{1,6})?$/, 'expected a number, or a number as a string')])
  .transform(String)
const count = numeric.refine((value) => /^\d{1,4}$/.test(value) && Number(value) <= 1024, 'expected 0 to 1024')
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a variable name: letters, digits, underscore')

/** `empty` stands in the vendor's pages by an accident of their making (§3); no map has such a key. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { empty, ...rest } = value as Record<string, unknown>
  return typeof empty === 'boolean' ? rest : value
}

export const Resource = z.object({
  type: text.max(32).default('worker').describe('role of the pods'),
  gpuName: text.max(128).optional(),
  cpuCores: numeric.optional(),
  gpuCount: count.default('0'),
  memoryGB: numeric.optional(),
  productCode: text.max(128).optional(),
  productName: text.max(128).optional(),
  productPrice: text.max(64).optional(),
  workerCount: z.int().min(1).max(1024).default(1),
})

export const StorageConfig = z.object({
  storageId: text.min(1).max(128),
  storageType: text.max(64).default(''),
  fileDirectory: text.max(512).default(''),
  mountPath: text.max(512).regex(/^\/[^\s]*[^\s/]$/, 'expected an absolute path without a slash at its end'),
  onlyRead: z.boolean().default(false),
})
export type StorageConfig = z.infer<typeof StorageConfig>

/** The body of a template, which is also what a job is made of (§3). What is not named here is left aside (§12). */
export const JobConfig = z
  .object({
    name: text.trim().min(1).max(128),
    desc: text.max(1024).default(''),
    aidcId: z.int().min(1),
    trainingType: z.enum(['PRE_TRAINING', 'HPC']),
    trainingFramwork: z.enum(['PyTorch', 'DeepSpeed', 'MPI', 'TensorFlow']),
    imageType: z.enum(['general', 'application', 'private']),
    image: text.min(1).max(512).regex(/^\S+$/, 'expected an image reference, without spaces'),
    env: z.preprocess(withoutEmpty, z.record(variable, text)).default({}),
    resource: z.preprocess(withoutEmpty, Resource),
    storageConfigs: z.array(z.preprocess(withoutEmpty, StorageConfig)).max(MAX_MOUNTS).default([]),
    enableAutoRetry: z.boolean().default(false),
    maxRetryCount: z.int().optional(),
    enableTimeoutCancel: z.boolean().default(false),
    timeoutHours: z.int().optional(),
    startCommand: text.min(1).max(100_000),
    priority: z.literal([1, 2, 3], 'expected 1, 2 or 3').default(2),
  })
  .superRefine((body, context) => {
    const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (body.enableAutoRetry && !isWithin(body.maxRetryCount, MAX_RETRIES)) {
      refuse(['maxRetryCount'], `is required with enableAutoRetry: expected 1 to ${MAX_RETRIES}`)
    }
    if (body.enableTimeoutCancel && !isWithin(body.timeoutHours, MAX_HOURS)) {
      refuse(['timeoutHours'], `is required with enableTimeoutCancel: expected 1 to ${MAX_HOURS} hours`)
    }
    const paths = body.storageConfigs.map(({ mountPath }) => mountPath)
    const again = paths.findIndex((path, i) => paths.indexOf(path) < i)
    if (again >= 0) refuse(['storageConfigs', again, 'mountPath'], `${paths[again]} is mounted already`)
  })
export type JobConfig = z.infer<typeof JobConfig>

function isWithin(value: number | undefined, most: number): boolean {
  return value !== undefined && value >= 1 && value <= most
}

/** Body of open and close port, as in the vendor's CCI product (§7). */
export const PortBody = z.object({
  protocol: z.enum(['http', 'https']).default('http'),
  port: z.int().min(1).max(65535),
})
/** Kept by the platform for itself, and how many a user may open beside them (§7, as in CCI). */
export const RESERVED_PORTS: readonly number[] = [22, 8888, 9001, 9002]
export const MAX_CUSTOM_PORTS = 10

/** The vendor's clock is read as Asia/Shanghai, and its strings carry no zone (§1). Hours. */
const ZONE_HOURS = 8

/** `YYYY-MM-DD HH:mm:ss` in UTC+8. */
export function wireTime(at: number): string {
  return new Date(at + ZONE_HOURS * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
}

/** A command as one shell line, whatever form the job has it in. */
export function shellLine(command: string | string[]): string {
  return typeof command === 'string' ? command : command.map(shellQuote).join(' ')
}
