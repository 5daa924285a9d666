import { JobSpec } from '../../../schema/job.js'
import type { Reason } from '../../../schema/outcome.js'
import { problemsOf } from '../../../schema/problems.js'
import { jobName, mapPath } from '../../../schema/vendor-config.js'
import { severalWorkers } from '../../../schema/workers.js'
import type { GatewayConfig, Product } from '../config.js'
import { type JobConfig, PRIORITIES, type StorageConfig } from '../wire.js'
import { invalid } from './answer.js'

const FILE = 'vendors/alayanew.yaml'

/** Ends that count as a failure: tried again with `enableAutoRetry` (reference §9: not after a pause, a deletion or a timeout). */
const FAILURES: Reason[] = [
  'process_failed',
  'out_of_memory',
  'stalled',
  'setup_failed',
  'start_time_limit',
  'host_disk_full',
  'exit_unknown',
  'provider_failed',
  'provider_lost',
]
/** The vendor names no pause between two attempts; ours is short, and grows. */
const BACKOFF = { initial: '1s', factor: 2, max: '1m' }

/** The configuration with what the chosen product and the centre decide; refuses what is not in the operator's file. */
export function resolve(config: JobConfig, gateway: GatewayConfig): JobConfig {
  const { aidcs } = gateway
  if (aidcs.length > 0 && !aidcs.some(({ id }) => id === config.aidcId)) {
    throw invalid('aidcId', `there is no data centre ${config.aidcId}; add it to gateway.aidcs in ${FILE}`)
  }
  const product = productOf(config, gateway)
  if (!product) return config
  const { name, gpus, gpuName, cpuCores, memoryGB, price } = product
  const resource = {
    ...config.resource,
    productName: name,
    gpuName,
    gpuCount: String(gpus),
    ...(cpuCores > 0 ? { cpuCores: String(cpuCores) } : {}),
    ...(memoryGB > 0 ? { memoryGB: String(memoryGB) } : {}),
    productPrice: String(price),
  }
  return { ...config, resource }
}

/** What an ordinary job is made of; refuses with the field that is to blame. */
export function specOf(config: JobConfig, gateway: GatewayConfig): JobSpec {
  const { defaults } = gateway
  const image = imageOf(config, gateway)
  const folders = config.storageConfigs.map((storage, i) => folderOf(storage, i, gateway))
  const inFolders = replacer(config.storageConfigs, folders)
  const { workerCount } = config.resource
  const command = inFolders(config.startCommand)
  const env = Object.entries(config.env).map(([name, value]) => [name, inFolders(value)])
  const input = {
    ...defaults,
    name: jobName(config.name, 'alayanew-job'),
    command: workerCount > 1 ? severalWorkers(command, workerCount) : command,
    pool: gateway.aidcs.find(({ id }) => id === config.aidcId)?.pool ?? defaults.pool,
    resources: { ...defaults.resources, ...resourcesOf(config, gateway) },
    setup: image.setup ?? defaults.setup,
    env: {
      ...defaults.env,
      ...image.env,
      ...Object.fromEntries(env),
      ...Object.fromEntries(folders.map((folder, i) => [`ALAYA_MOUNT_${i}`, folder])),
    },
    priority: PRIORITIES[config.priority],
    timeouts: { ...defaults.timeouts, ...(config.enableTimeoutCancel ? { run: `${config.timeoutHours}h` } : {}) },
    retry: retryOf(config),
  }
  const result = JobSpec.safeParse(input)
  if (result.success) return result.data
  const [problem] = problemsOf(result.error, JobSpec, input)
  throw invalid(FIELD_OF[problem?.path ?? ''] ?? problem?.path ?? 'body', problem?.message ?? 'is not valid')
}

/** What the vendor calls a field of ours. */
const FIELD_OF: Record<string, string> = {
  command: 'startCommand',
  'resources.gpus': 'resource.workerCount × resource.gpuCount',
  'resources.cpus': 'resource.cpuCores',
  'resources.memory': 'resource.memoryGB',
}

/** `maxRetryCount` is of further attempts, whatever they failed of. */
function retryOf({ enableAutoRetry, maxRetryCount = 0 }: JobConfig): unknown {
  if (!enableAutoRetry) return undefined
  return {
    maxAttempts: maxRetryCount + 1,
    on: Object.fromEntries(FAILURES.map((reason) => [reason, maxRetryCount])),
    backoff: BACKOFF,
  }
}

/** All workers of a job stand on one host, so it holds the devices of all of them. */
function resourcesOf(config: JobConfig, gateway: GatewayConfig): Record<string, unknown> {
  const { workerCount, gpuCount, cpuCores, memoryGB } = config.resource
  const gpuType = productOf(config, gateway)?.gpuType
  return {
    gpus: Math.max(1, workerCount * Number(gpuCount)),
    ...(gpuType ? { gpuType } : {}),
    ...(cpuCores ? { cpus: workerCount * Number(cpuCores) } : {}),
    ...(memoryGB ? { memory: `${workerCount * Number(memoryGB)}GB` } : {}),
  }
}

function productOf({ resource, aidcId }: JobConfig, { products }: GatewayConfig): Product | undefined {
  if (Object.keys(products).length === 0) return undefined
  const { productCode } = resource
  if (productCode === undefined) throw invalid('productCode', 'is required')
  const product = Object.hasOwn(products, productCode) ? products[productCode] : undefined
  if (!product || (product.aidcs && !product.aidcs.includes(aidcId))) {
    throw invalid('productCode', `there is no product ${productCode} here; add it to gateway.products in ${FILE}`)
  }
  return product
}

function imageOf({ image, imageType }: JobConfig, { images }: GatewayConfig) {
  const found = Object.hasOwn(images, image) ? images[image] : images['*']
  if (!found) throw invalid('image', `nothing is said here of ${image}; add it to gateway.images in ${FILE}`)
  if (found.imageType && found.imageType !== imageType) {
    throw invalid('imageType', `${image} is ${found.imageType}, not ${imageType}`)
  }
  return found
}

/** There are no containers, so a mount is a folder of the host, and the command is told that folder. */
function folderOf({ storageId, storageType, fileDirectory }: StorageConfig, i: number, gateway: GatewayConfig): string {
  const directory = fileDirectory.replace(/^\/+/, '')
  const addresses = [`${storageId}/${directory}`, `${storageType}/${storageId}/${directory}`]
  const folder = addresses.map((address) => mapPath(gateway.storages, address)).find((path) => path !== undefined)
  const field = `storageConfigs[${i}]`
  if (folder === undefined) {
    throw invalid(
      `${field}.storageId`,
      `no folder is known for ${storageId}/${directory}; add "${storageId}/" to gateway.storages in ${FILE}`,
    )
  }
  // It is put into the client's shell line as it is, within whatever quotes stand there.
  if (!/^[\p{L}\p{N}/_.@%+=:,~-]+$/u.test(folder)) {
    throw invalid(`${field}.fileDirectory`, `${folder} has signs that cannot stand in a command`)
  }
  return folder
}

/** Puts the folders in the place of the mount paths, where these are not a part of another path. */
function replacer(storages: StorageConfig[], folders: string[]): (text: string) => string {
  if (storages.length === 0) return (text) => text
  const byPath = new Map(storages.map(({ mountPath }, i) => [mountPath, folders[i] as string]))
  const longestFirst = [...byPath.keys()].sort((a, b) => b.length - a.length).map(literally)
  const mounted = new RegExp(`(?<![\\w./~-])(${longestFirst.join('|')})(?![\\w-]|\\.\\w)`, 'gu')
  return (text) => text.replace(mounted, (path) => byPath.get(path) as string)
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
