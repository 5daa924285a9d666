import { Failure } from '../../../schema/failure.js'
import { JobSpec, type JobSpecInput } from '../../../schema/job.js'
import type { ServiceContainer, ServiceDescription } from '../../../schema/service.js'
import { type JobDefaults, jobName, mapPath } from '../../../schema/vendor-config.js'
import type { EasGateway } from '../config-gateway.js'
import { Scaling } from './scaling.js'
import { type Mount, mountVariables, rewritePaths, ServiceSettings } from './settings.js'
import { withDefaults } from './task-spec.js'

/** A front end lives until it is deleted: it is begun again whenever it dies. */
const BEGUN_AGAIN: JobSpecInput['retry'] = { maxAttempts: 1000, backoff: { initial: '1s', factor: 2, max: '1m' } }
/** Keys of a description that something is made of. */
const USED = {
  '': ['name', 'metadata', 'cloud', 'containers', 'front_end', 'storage', 'autoscaler'],
  metadata: ['name', 'type', 'instance', 'gpu', 'enable_webservice'],
}
const JOB_SERVICE_FLAG = /--job-service(?![\w-])/
const TOKEN_FLAG = /(--job-service-token[= ]+)(?:"([^"]*)"|'([^']*)'|(\S+))/

/** What a description comes to, before anything is made of it. */
export interface Plan {
  name: string
  hasQueues: boolean
  settings: ServiceSettings
  frontEnd: { spec: JobSpec; port: number | undefined; isWeb: boolean } | undefined
  /** A token that a front end was given in its script: it goes into a secret of the host and stands nowhere else. */
  givenToken: string | undefined
}

/** Reads a description by the operator's file; fails with `invalid_spec`, naming what is missing and where to add it. */
export function planOf(description: ServiceDescription, config: EasGateway, endpoint: string): Plan {
  const { metadata } = description
  const name = (description.name ?? metadata.name) as string
  const type = metadata.type ?? 'service'
  const hasQueues = type !== 'service'
  const mounts = mountsOf(description, config)
  const front =
    type === 'ScalableJobService' ? description.front_end : hasQueues ? undefined : description.containers?.[0]
  const isWeb = metadata.enable_webservice ?? false
  const withFront = front !== undefined && (type === 'service' || isWeb)
  if (type === 'service' && !front?.script) throw missing('containers[0].script', 'is what such a service runs')
  const job = hasQueues ? jobOf(description, config) : {}
  const settings = ServiceSettings.parse({
    type,
    job,
    mounts,
    rewritesPaths: config.rewriteMountPaths,
    scaling: scalingOf(description),
    instances: Math.max(scalingOf(description).min, metadata.instance ?? 1),
    deployment: withoutToken(description),
  })
  return {
    name,
    hasQueues,
    settings,
    frontEnd: withFront ? frontEndOf(front, { name, settings, description, config, endpoint, isWeb }) : undefined,
    givenToken: withFront && !hasQueues ? tokenIn(front.script ?? '') : undefined,
  }
}

/** Keys that nothing is made of. */
export function notUsed(description: ServiceDescription): string[] {
  const top = Object.keys(description).filter((key) => !USED[''].includes(key))
  const inner = Object.keys(description.metadata).filter((key) => !USED.metadata.includes(key))
  return [...top, ...inner.map((key) => `metadata.${key}`)]
}

/** The name of the secret in which a host has the token that a front end needs. */
export function tokenSecret(name: string): string {
  return `EAS_TOKEN_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}

function mountsOf({ storage = [] }: ServiceDescription, config: EasGateway): Mount[] {
  return storage.map(({ mount_path, oss }, i) => {
    const folder = mapPath(config.mounts, oss.path)
    if (folder === undefined) {
      throw new Failure('invalid_spec', `storage[${i}].oss.path: nothing here stands for ${oss.path}`, {
        next: `Add its beginning to gateway.mounts in vendors/eas.yaml, such as "${oss.path}": /data, and start again.`,
      })
    }
    return { mountPath: mount_path, folder, readOnly: oss.readOnly ?? false }
  })
}

function jobOf(description: ServiceDescription, config: EasGateway): JobDefaults {
  const container = description.containers?.[0]
  const image = container?.image ?? description.front_end?.image
  const path = container?.image ? 'containers[0].image' : 'front_end.image'
  const type = container?.instance_type ?? description.cloud?.computing?.instance_type
  const { gpu } = description.metadata
  const job = withDefaults(config.instanceTypes[type ?? ''] ?? {}, imageOf(image, path, config))
  return withDefaults(gpu ? { resources: { gpus: gpu, nodes: 1 } } : {}, withDefaults(job, variablesOf(container)))
}

function imageOf(image: string | undefined, path: string, { images }: EasGateway): JobDefaults {
  if (image === undefined) return {}
  const found = images[image] ?? images[image.replace(/:[^/:]*$/, '')] ?? images['*']
  if (found) return found
  throw new Failure('invalid_spec', `${path}: nothing here stands for the image ${image}`, {
    next: `There are no containers here. Add the image to gateway.images in vendors/eas.yaml with what makes up for it (setup, env, workdir), such as "${image}": {}, and start again.`,
  })
}

function variablesOf(container: ServiceContainer | undefined): JobDefaults {
  if (!container?.env) return {}
  return { env: Object.fromEntries(container.env.map(({ name, value }) => [name, value])) }
}

function scalingOf({ autoscaler, metadata }: ServiceDescription): Scaling {
  const { strategies, behavior } = autoscaler ?? {}
  const down = behavior?.scaleDown?.stabilizationWindowSeconds
  const zero = behavior?.onZero?.scaleDownGracePeriodSeconds
  const scaling = Scaling.parse({
    min: autoscaler?.min,
    max: autoscaler?.max,
    threshold: strategies?.avg_waiting_length,
    scaleDownAfterMs: down === undefined ? undefined : down * 1_000,
    toZeroAfterMs: zero === undefined ? undefined : zero * 1_000,
  })
  const max = Math.max(scaling.max, autoscaler?.max === undefined ? (metadata.instance ?? 1) : 1)
  if (scaling.min > max) throw missing('autoscaler.min', `is ${scaling.min} and above max, which is ${max}`)
  return { ...scaling, max }
}

type About = {
  name: string
  settings: ServiceSettings
  description: ServiceDescription
  config: EasGateway
  endpoint: string
  isWeb: boolean
}

function frontEndOf(container: ServiceContainer, about: About): NonNullable<Plan['frontEnd']> {
  const { name, settings, description, config, endpoint, isWeb } = about
  const isIntegrated = settings.type === 'ScalableJobService'
  const at = isIntegrated ? 'front_end' : 'containers[0]'
  if (!container.script) throw missing(`${at}.script`, 'is what the front end runs')
  checkPort(container, at)
  const secret = tokenSecret(name)
  const needsToken = isIntegrated || TOKEN_FLAG.test(container.script)
  const type = container.instance_type ?? description.cloud?.computing?.instance_type
  const given = withDefaults(config.instanceTypes[type ?? ''] ?? {}, imageOf(container.image, `${at}.image`, config))
  const spec = JobSpec.parse({
    ...given,
    name: jobName(`${name}-front-end`, 'eas-front-end'),
    command: ['bash', '-c', scriptOf(container.script, about, secret)],
    resources: { ...given.resources, gpus: 0, gpuType: undefined },
    env: {
      ...mountVariables(settings.mounts),
      ...(isIntegrated ? { EAS_JOB_SERVICE_ENDPOINT: endpoint, EAS_JOB_SERVICE_INPUTNAME: name } : {}),
      ...given.env,
      ...variablesOf(container).env,
    },
    secrets: [...(given.secrets ?? []), ...(needsToken ? [secret] : [])],
    retry: BEGUN_AGAIN,
    tags: { ...given.tags, service: name, part: 'front_end' },
  })
  return { spec, port: container.port, isWeb }
}

/**
 * The script as it runs here. In one piece with its job service a front end is told `--job-service` and finds the rest by
 * itself (reference §9, §10); here it is told by the flags of the independent form, and by the environment.
 */
function scriptOf(script: string, { name, settings, endpoint }: About, secret: string): string {
  const text = settings.rewritesPaths ? rewritePaths(script, settings.mounts) : script
  if (settings.type !== 'ScalableJobService') return text.replace(TOKEN_FLAG, (_, flag) => `${flag}"$${secret}"`)
  const flags = `--job-service --job-service-endpoint ${endpoint} --job-service-token "$${secret}" --job-service-inputname ${name}`
  return `export EAS_JOB_SERVICE_TOKEN="$${secret}"\n${text.replace(JOB_SERVICE_FLAG, () => flags)}`
}

function checkPort({ port, script }: ServiceContainer, at: string): void {
  const [, told] = /--server_port[= ]+(\d+)/.exec(script ?? '') ?? []
  if (port === undefined || told === undefined || Number(told) === port) return
  throw missing(`${at}.port`, `is ${port}, and the script listens on ${told}; they must be the same`)
}

function tokenIn(script: string): string | undefined {
  const [, , double, single, bare] = TOKEN_FLAG.exec(script) ?? []
  return double ?? single ?? bare
}

/** The description with the tokens in its scripts taken out. */
function withoutToken(description: ServiceDescription): Record<string, unknown> {
  return JSON.parse(JSON.stringify(description), (key, value) =>
    key === 'script' && typeof value === 'string' ? value.replace(TOKEN_FLAG, '$1***') : value,
  ) as Record<string, unknown>
}

function missing(path: string, what: string): Failure {
  return new Failure('invalid_spec', `${path} ${what}`, { next: 'Mend the description, then send it again.' })
}
