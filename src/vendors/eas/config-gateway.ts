import { z } from 'zod'
import { JobDefaults, PathMap, SecretName } from '../../schema/vendor-config.js'

const MIB = 1024 * 1024

/** What a service may be called: it stands in a path, and in a host name with `-` for `_` (reference §1.3). */
export const ServiceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$/, 'expected a name of letters, digits, `_`, `-` and `.`')
  .refine((name) => name !== 'sink', 'a service cannot be called sink: that is the path of the output queue')

export const EasService = z.strictObject({
  token: SecretName.describe(
    'Name of the secret that holds the token of the service; clients send it as Authorization',
  ),
  project: z.string().min(1).default('default').describe('Whose jobs its commands become'),
  isJobService: z
    .boolean()
    .default(false)
    .describe(
      'An input entry with the tag taskType=command becomes a job; otherwise the queues are queues and no more',
    ),
  job: JobDefaults.prefault({}).describe('What every job of this service is given'),
  maxLength: z
    .int()
    .min(1)
    .default(100_000)
    .describe('Entries that each of its two queues holds; a put beyond is answered 429'),
  maxPayloadBytes: z
    .int()
    .min(1)
    .max(16 * MIB)
    .default(8 * MIB)
    .describe('Bytes of one entry; a larger one is answered 413'),
})
export type EasService = z.infer<typeof EasService>

/** The `gateway` part of `vendors/eas.yaml`. */
export const EasGateway = z.strictObject({
  services: z.record(ServiceName, EasService).default({}),
  defaultService: ServiceName.optional().describe(
    'The service at `/`, `/sink` and `/api/predict/`; default: the one that the token belongs to',
  ),
  endpoint: z
    .string()
    .min(1)
    .optional()
    .describe(
      'What a deployed service shows as its address; default: that of the gateway. Needed where front ends run on other machines',
    ),
  images: z
    .record(z.string(), JobDefaults)
    .default({})
    .describe(
      'What stands for a container image: setup, env, workdir, pool; `*` for every other one. A key without a tag fits all tags',
    ),
  instanceTypes: z
    .record(z.string(), JobDefaults)
    .default({})
    .describe(
      'What stands for an instance type, such as `ecs.gn6i-c4g1.xlarge`: resources, pool. Others change nothing',
    ),
  mounts: PathMap.default({}).describe('Beginnings of `oss.path`, and the folder of this machine that each means'),
  rewriteMountPaths: z
    .boolean()
    .default(false)
    .describe('Whether `mount_path` in a command of a deployed service becomes its folder'),
})
export type EasGateway = z.infer<typeof EasGateway>
