import { z } from 'zod'
import { AccountBase } from '../../providers/provider.js'
import { JobSpec } from '../../schema/job.js'
import { JobDefaults, PathMap, SecretName } from '../../schema/vendor-config.js'

/** `vendors/alayanew.yaml`: who may come in and what their words mean here; and our accounts there. */

const who = {
  name: z.string().min(1).max(64).describe('what events and logs call it'),
  project: JobDefaults.shape.pool.unwrap().default('default'),
  account: z.string().min(1).max(64).optional().describe('the user that owns what is made with it; default its name'),
  master: z.boolean().default(true).describe('false: a sub-account, which sees only its own jobs and templates'),
  disabled: z.boolean().default(false),
  expires: z.iso.datetime({ offset: true, message: 'expected a time such as 2027-01-31T00:00:00Z' }).optional(),
}
const Credential = z.union([
  z.strictObject({ ...who, key: SecretName.describe('secret that holds the Open API key') }),
  z.strictObject({ ...who, accessKey: z.string().regex(/^[^:,\s]+$/), secretKey: SecretName }),
])
export type Credential = z.infer<typeof Credential>

const Image = z.strictObject({
  imageType: z.enum(['general', 'application', 'private']).optional(),
  setup: JobSpec.shape.setup,
  env: JobDefaults.shape.env,
})

const Product = z.strictObject({
  name: z.string().min(1),
  gpus: z.int().min(0).max(64).describe('devices per worker; 0 has no GPU'),
  gpuType: z.string().min(1).max(64).optional().describe('model of the devices as `anneal host list` shows it'),
  gpuName: z.string().min(1).default('-'),
  cpuCores: z.number().min(0).default(0),
  memoryGB: z.number().min(0).default(0),
  diskGB: z.number().min(0).default(0),
  price: z.number().min(0).default(0).describe('per worker and hour, for display'),
  priceUnit: z.int().default(11),
  aidcs: z.array(z.int().min(1)).optional().describe('centres that have it; default all'),
})
export type Product = z.infer<typeof Product>

const Aidc = z.strictObject({
  id: z.int().min(1),
  code: z.string().min(1),
  name: z.string().min(1),
  nameEn: z.string().optional(),
  country: z.string().default('CN'),
  address: z.string().default(''),
  enabled: z.boolean().default(true).describe('what checkIsEnabled answers'),
  pool: JobDefaults.shape.pool.describe('where its jobs run; default the pool of `defaults`'),
})
export type Aidc = z.infer<typeof Aidc>

export const GatewayConfig = z.strictObject({
  credentials: z.array(Credential).default([]),
  defaults: JobDefaults.prefault({}),
  /** Without any, every image means this host as it is. `*` stands for all that are not listed. */
  images: z.record(z.string(), Image).default({ '*': {} }),
  /** Without any, a job's `resource.gpuCount` counts as it stands. */
  products: z.record(z.string(), Product).default({}),
  /** Without any, every number is a centre. The first is the default one. */
  aidcs: z.array(Aidc).default([]),
  /** `<storageId>/`, `<storageId>/<directory>` or `<storageType>/` and the folder that it means. */
  storages: PathMap.default({}),
  externalHost: z.string().min(1).default('127.0.0.1').describe('what clients are told to find opened ports at'),
})
export type GatewayConfig = z.infer<typeof GatewayConfig>

const there = {
  ...AccountBase,
  baseUrl: z.url({ protocol: /^https?$/ }).default('https://api.alayanew.com'),
  pathPrefix: z
    .string()
    .regex(/^(\/[A-Za-z0-9._-]+)*$/, 'expected a path such as /api/osm, or nothing')
    .default('/api/osm')
    .describe('the documents print none, the service answers under /api/osm'),
  aidcId: z.int().min(1).optional().describe('centre of jobs that name none'),
}
export const Account = z.union([
  z.strictObject({ ...there, auth: z.literal('bearer').default('bearer'), key: SecretName }),
  z.strictObject({ ...there, auth: z.literal('hmac'), accessKey: z.string().min(1), secretKey: SecretName }),
])
export type Account = z.infer<typeof Account>
