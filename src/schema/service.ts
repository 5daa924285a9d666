import { z } from 'zod'

/** Types of a service in its `metadata` (reference eas-queue.md §9); a front end that stands alone has none. */
export const SERVICE_TYPES = ['ScalableJobService', 'ScalableJob'] as const

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'expected 1–63 letters, digits, `_`, `-` and `.`')
  .refine((text) => text !== 'sink', 'a service cannot be called sink: that is the path of its output queue')
const port = z.int().min(1).max(65_535)

const Container = z.looseObject({
  image: z.string().min(1).optional(),
  port: port.optional(),
  script: z.string().min(1).optional(),
  instance_type: z.string().optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string() })).optional(),
})

/** When a job service gets more instances, and fewer (reference §11). */
const Autoscaler = z.looseObject({
  min: z.int().min(0).optional(),
  max: z.int().min(1).optional(),
  strategies: z.looseObject({ avg_waiting_length: z.number().positive().optional() }).optional(),
  behavior: z
    .looseObject({
      scaleDown: z.looseObject({ stabilizationWindowSeconds: z.number().min(0).optional() }).optional(),
      onZero: z.looseObject({ scaleDownGracePeriodSeconds: z.number().min(0).optional() }).optional(),
    })
    .optional(),
})

/**
 * The JSON that deploys a service on PAI-EAS, as its documents have it (reference §9). Keys that nothing is made of are
 * taken and named in the answer, since a description for the real service has many.
 */
export const ServiceDescription = z
  .looseObject({
    name: name.optional(),
    metadata: z.looseObject({
      name: name.optional(),
      type: z.enum(SERVICE_TYPES).optional(),
      instance: z.int().min(0).max(1_000).optional(),
      cpu: z.number().min(0).optional(),
      gpu: z.int().min(0).max(1_024).optional(),
      memory: z.number().min(0).optional().describe('MB'),
      enable_webservice: z.boolean().optional(),
    }),
    cloud: z.looseObject({ computing: z.looseObject({ instance_type: z.string().optional() }).optional() }).optional(),
    containers: z.array(Container).min(1).max(1, 'only one container is possible').optional(),
    front_end: Container.optional(),
    features: z.record(z.string(), z.unknown()).optional(),
    storage: z
      .array(
        z.looseObject({
          mount_path: z.string().startsWith('/', 'expected an absolute path'),
          oss: z.looseObject({ path: z.string().min(1), readOnly: z.boolean().optional() }),
          properties: z.looseObject({}).optional(),
        }),
      )
      .optional(),
    autoscaler: Autoscaler.optional(),
  })
  .refine(({ name, metadata }) => (name ?? metadata.name) !== undefined, {
    path: ['metadata', 'name'],
    message: 'is required',
  })
  .refine(({ name, metadata }) => !name || !metadata.name || name === metadata.name, {
    path: ['name'],
    message: 'must be the same as metadata.name',
  })
  .meta({ id: 'ServiceDescription' })
export type ServiceDescription = z.infer<typeof ServiceDescription>
export type ServiceContainer = z.infer<typeof Container>

const count = z.int().describe('a count')

/** A service as its owner sees it; its token only once, when it is made. */
export const ServiceView = z
  .object({
    name: z.string(),
    type: z.enum([...SERVICE_TYPES, 'service']).describe('service: a front end that stands alone'),
    project: z.string(),
    createdAt: z.iso.datetime(),
    endpoint: z.string().nullable().describe('of its queues; null where it has none'),
    instances: z
      .object({ now: count, min: count, max: count, running: count, waiting: count })
      .nullable()
      .describe('each runs one task at a time; running and waiting are tasks'),
    queues: z.object({ input: count, sink: count }).nullable().describe('entries in each'),
    frontEnd: z
      .object({ jobId: z.string(), state: z.string(), address: z.string().nullable().describe('of its web page') })
      .nullable(),
    mounts: z.array(z.object({ mountPath: z.string(), folder: z.string(), readOnly: z.boolean() })),
    notUsed: z.array(z.string()).describe('keys of the description that nothing is made of'),
    description: z.record(z.string(), z.unknown()).nullable().describe('as it was deployed, without tokens'),
  })
  .meta({ id: 'Service' })
export type ServiceView = z.infer<typeof ServiceView>

export const CreatedService = ServiceView.extend({
  token: z.string().nullable().describe('for the clients of its queues; shown this once'),
}).meta({ id: 'CreatedService' })
export type CreatedService = z.infer<typeof CreatedService>
