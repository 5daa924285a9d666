import { createHash } from 'node:crypto'
import { z } from 'zod'
import { OptionsBase, RemoteFault, type RemoteRequest } from '../../providers/provider.js'
import type { Product } from './replies.js'
import { JobConfig, Resource, shellLine, vendorPriority } from './wire.js'

const { desc, trainingType, trainingFramwork, imageType, image, storageConfigs, timeoutHours, maxRetryCount } =
  JobConfig.shape
const { enableAutoRetry, enableTimeoutCancel, priority, aidcId } = JobConfig.shape

/** `providerOptions.alayanew`: the fields of the vendor's create, in its own words; name, command and environment are the job's. */
export const Options = z
  .strictObject({
    ...OptionsBase,
    templateId: z.string().min(1).optional().describe('its values hold where the job says nothing'),
    aidcId: aidcId.optional().describe('data centre; default the one of the account'),
    desc: desc.unwrap().optional(),
    trainingType: trainingType.optional(),
    trainingFramwork: trainingFramwork.optional(),
    imageType: imageType.optional(),
    image: image.optional(),
    productCode: z.string().min(1).optional(),
    workerCount: z.int().min(1).optional(),
    resource: z.strictObject(Resource.shape).partial().optional(),
    storageConfigs: storageConfigs.unwrap().optional(),
    enableAutoRetry: enableAutoRetry.unwrap().optional().describe("the service's own retries, beside the job's"),
    maxRetryCount,
    enableTimeoutCancel: enableTimeoutCancel.unwrap().optional(),
    timeoutHours,
    priority: priority.unwrap().optional().describe("1 to 3; default by the job's own priority"),
  })
  .superRefine((options, context) => {
    if (options.templateId !== undefined) return
    for (const name of ['trainingType', 'trainingFramwork', 'imageType', 'image'] as const) {
      if (options[name] === undefined) {
        context.addIssue({ code: 'custom', path: [name], message: 'is required where there is no templateId' })
      }
    }
  })
export type Options = z.infer<typeof Options>

/** The options that a job was accepted with. */
export function optionsOf({ spec }: RemoteRequest): Options {
  const result = Options.safeParse(spec.providerOptions?.alayanew ?? {})
  if (result.success) return result.data
  throw new RemoteFault('rejected', `providerOptions.alayanew: ${z.prettifyError(result.error)}`)
}

/**
 * The name by which a run is found again. It is the only mark that the service keeps, so it has 64 bits of our key (the
 * reference's recipe, §11.3, has 32). Pods are named after it, hence short and without dots.
 */
export function remoteName({ key, spec }: RemoteRequest): string {
  const mark = createHash('sha256').update(key).digest('hex').slice(0, 16)
  const word = spec.name.replace(/[^a-z0-9]+/g, '-').slice(0, 30)
  return `${word.replace(/-+$/, '')}-${mark}`
}

/** The body of the create. */
export function createBody(request: RemoteRequest, aidcId: number | undefined, product: Product | undefined): unknown {
  const { spec } = request
  const { account, templateId, productCode, workerCount, resource, ...options } = optionsOf(request)
  if (spec.secrets.length > 0) throw new RemoteFault('rejected', 'secrets: the service has no place for secrets')
  if (spec.workdir) throw new RemoteFault('rejected', 'workdir: the service takes no files; put them into the image')
  const found = {
    gpuName: product?.gpuName ?? spec.resources.gpuType,
    gpuCount: product?.gpuCount ?? String(spec.resources.gpus ?? 1),
    cpuCores: product?.cpuCores ?? undefined,
    memoryGB: product?.memoryGB ?? undefined,
    productName: product?.name ?? undefined,
  }
  const nodes = spec.resources.nodes > 1 ? spec.resources.nodes : undefined
  const own = { productCode, workerCount: workerCount ?? nodes, ...resource }
  return {
    ...options,
    name: remoteName(request),
    createType: templateId === undefined ? 'CUSTOM' : 'TEMPLATE',
    templateId,
    aidcId,
    priority: options.priority ?? vendorPriority(spec.priority),
    productCode: productCode ?? resource?.productCode,
    resource:
      templateId === undefined || product
        ? { type: 'worker', workerCount: 1, ...found, ...defined(own) }
        : defined(own),
    env: Object.keys(spec.env).length > 0 || templateId === undefined ? spec.env : undefined,
    startCommand: commandOf(request),
  }
}

/** The job's setup, where it has one, runs in the container before its command. */
function commandOf({ spec }: RemoteRequest): string {
  const command = shellLine(spec.command ?? [])
  return spec.setup ? `(\n${spec.setup}\n) && (\n${command}\n)` : command
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
