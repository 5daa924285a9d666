import { z } from 'zod'
import { AccountBase } from '../../providers/provider.js'
import { JobDefaults, PathMap, SecretName } from '../../schema/vendor-config.js'

/** What `<home>/vendors/modelarts.yaml` may say; docs/vendors/modelarts.md explains every key. */

const ProjectId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'expected 1 to 64 letters, digits, hyphens')
const Caller = { projectId: ProjectId, project: z.string().min(1).default('default') }

const Credential = z.strictObject({ secretKey: SecretName, ...Caller })
const Token = z.strictObject({ token: SecretName, ...Caller })
const User = z.strictObject({
  name: z.string().min(1),
  domain: z.string().min(1).optional(),
  password: SecretName,
  projectName: z.string().min(1).optional(),
  ...Caller,
})
export type User = z.infer<typeof User>

const ShellLine = z.string().min(1).describe('a shell line; arguments follow it')
const Folder = z.string().startsWith('/', 'expected an absolute path')
const byNumber = <T extends z.ZodType>(value: T) =>
  z.record(z.string().regex(/^\d{1,15}$/, 'expected a whole number'), value)

const Engine = z.strictObject({
  name: z.string().min(1),
  version: z.string().default(''),
  type: z.int().min(0).default(10).describe('engine_type: 1 TensorFlow, 10 PyTorch …'),
  python: ShellLine.default('python3'),
})
export type Engine = z.infer<typeof Engine>

const Spec = z.strictObject({
  code: z.string().min(1),
  gpus: z.int().min(0).max(64).default(1).describe('of each worker; 0 holds one device, too'),
  gpuType: z.string().min(1).optional(),
  core: z.string().default(''),
  cpu: z.string().default(''),
  maxWorkers: z.int().min(1).max(64).default(1),
})
export type Spec = z.infer<typeof Spec>

const Model = z.strictObject({
  name: z.string().min(1),
  command: ShellLine,
  engineId: z.int().min(0).default(1),
  usage: z.int().min(1).max(5).default(1),
  precision: z.string().default(''),
  size: z.int().min(0).default(0),
  parameters: z.array(z.strictObject({ label: z.string().min(1), value: z.string().default('') })).default([]),
})
export type Model = z.infer<typeof Model>

const Image = z.strictObject({
  prefix: ShellLine.optional().describe('put before user_command, such as `conda run -n torch`'),
  env: z.record(z.string(), z.string()).default({}),
})
const Pool = z.strictObject({
  pool: JobDefaults.shape.pool.unwrap(),
  name: z.string().min(1).optional(),
  gpus: z.int().min(1).max(64).default(1).describe('of each worker, where no spec_id is given'),
  maxWorkers: z.int().min(1).max(64).default(64),
})

/** Ids 1, so that every official sample passes (reference §13). */
const ENGINE_1: Engine = { name: 'Python', version: 'python3', type: 10, python: 'python3' }
const SPEC_1: Spec = { code: 'anneal.device.1', gpus: 1, core: '', cpu: '', maxWorkers: 64 }
const MODEL_1: Model = {
  name: 'sample',
  command: `sh -c 'echo "The sample algorithm was started with:"; for argument; do echo "$argument"; done' sample`,
  engineId: 1,
  usage: 1,
  precision: '',
  size: 0,
  parameters: [],
}

export const GatewayConfig = z.strictObject({
  credentials: z
    .record(z.string().regex(/^[^,\s]+$/), Credential)
    .default({})
    .describe('access keys (AK/SK)'),
  tokens: z.array(Token).default([]).describe('fixed values of X-Auth-Token'),
  users: z.array(User).default([]).describe('who may log in at POST /v3/auth/tokens'),
  paths: PathMap.optional(),
  datasets: z.record(z.string().min(1), Folder).optional().describe('`<dataset_id>/<version>` or `<dataset_id>`'),
  engines: byNumber(Engine)
    .default({})
    .transform((own) => ({ 1: ENGINE_1, ...own }) as Record<string, Engine>),
  specs: byNumber(Spec)
    .default({})
    .transform((own) => ({ 1: SPEC_1, ...own }) as Record<string, Spec>),
  models: byNumber(Model)
    .default({})
    .transform((own) => ({ 1: MODEL_1, ...own }) as Record<string, Model>),
  images: z.record(z.string().min(1), Image).default({}).describe('by user_image_url; `*` for every other'),
  pools: z.record(z.string().min(1), Pool).optional(),
  maxJobs: z.int().min(1).default(10_000).describe('jobs of one project at a time'),
  defaults: JobDefaults.prefault({}),
})
export type GatewayConfig = z.infer<typeof GatewayConfig>

const Url = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''))

/** How an account proves who it is: by access key, by a token that it gets with a password, or by a fixed token. */
const Auth = z.union([
  z.strictObject({ accessKey: z.string().min(1), secretKey: SecretName }),
  z.strictObject({
    iam: Url.describe('https://iam.<region>.myhuaweicloud.com'),
    user: z.string().min(1),
    domain: z.string().min(1),
    password: SecretName,
    projectName: z.string().min(1),
  }),
  z.strictObject({ token: SecretName }),
])
export type Auth = z.infer<typeof Auth>

export const Account = z.strictObject({
  ...AccountBase,
  dialect: z.enum(['v1', 'v2']).default('v2').describe('v1: Anneal, private and partner clouds; v2: the public cloud'),
  endpoint: Url.describe('https://modelarts.<region>.myhuaweicloud.com'),
  projectId: ProjectId,
  workspaceId: z.string().min(1).default('0'),
  auth: Auth,
})
export type Account = z.infer<typeof Account>
