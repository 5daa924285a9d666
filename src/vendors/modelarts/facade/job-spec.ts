import { JobSpec } from '../../../schema/job.js'
import { jobName, shellQuote } from '../../../schema/vendor-config.js'
import { severalWorkers } from '../../../schema/workers.js'
import type { GatewayConfig } from '../config.js'
import type { Parameter, TrainingConfig } from '../wire.js'
import { type Places, placesOf } from './places.js'
import { invalid } from './refusal.js'

type Gateway = { config: GatewayConfig; folder: string }

/**
 * The ordinary job that a `config` asks for: each worker's devices held on one host, and the same command in each. What a
 * client writes stands in the shell line only as quoted words, but for `user_command`, which is a shell line of its own.
 */
export function specOf(name: string, config: TrainingConfig, gateway: Gateway): JobSpec {
  const places = placesOf(config, gateway)
  const { command, env } = config.user_image_url
    ? imageCommand(config, places, gateway.config)
    : { command: ownCommand(config, places, gateway.config), env: {} }
  const { defaults } = gateway.config
  const input = {
    ...defaults,
    name: jobName(name, 'modelarts'),
    command: [...preparations(places), severalWorkers(command, config.worker_server_num)].join('\n'),
    env: { ...defaults.env, ...volumeEnv(config), ...env },
    resources: { ...defaults.resources, ...resourcesOf(config, gateway.config) },
    ...poolOf(config, gateway.config),
  }
  const result = JobSpec.safeParse(input)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw invalid(`${issue?.path.join('.')}: ${issue?.message}`)
}

/** Lines before the training: its output folder is made, and it begins where its code lies. */
function preparations({ code, train }: Places): string[] {
  const folders = train === undefined ? [] : [`mkdir -p ${shellQuote(train)} || exit 70`]
  return code === undefined ? folders : [...folders, `cd ${shellQuote(code)} || exit 70`]
}

/** A built-in algorithm wins over a script (§13). */
function ownCommand(config: TrainingConfig, places: Places, { models, engines }: GatewayConfig): string {
  const model = config.model_id === undefined ? undefined : models[config.model_id]
  const start = model?.command ?? `exec ${engines[config.engine_id ?? 1]?.python} ${shellQuote(places.boot as string)}`
  return [start, ...argumentsOf(config, places)].join(' ')
}

/** Paths first, so that a parameter of the same name has the last word. */
function argumentsOf(config: TrainingConfig, { data, train }: Places): string[] {
  const given = [...data.map((path) => `--data_url=${path}`), ...(train === undefined ? [] : [`--train_url=${train}`])]
  return [...given, ...config.parameter.map(({ label, value }) => `--${label}=${value}`)].map(shellQuote)
}

/** Where the service's images keep the code directory, and the script of theirs that sets up variables (§5.1, seed). */
const IMAGE_CODE = '/home/work/user-job-dir'
const IMAGE_SCRIPT = /^\s*(?:\/bin\/)?(?:bash|sh)(?:\s+-\w+)*\s+\/home\/work\/run_train\.sh\s+/

/**
 * With a custom image the client's own shell line runs, in the environment that the operator has named for that image. What
 * only exists in the service's images is put in its place: the code directory, the script before the command.
 */
function imageCommand(config: TrainingConfig, places: Places, { images }: GatewayConfig) {
  const url = config.user_image_url as string
  const image = Object.hasOwn(images, url) ? images[url] : images['*']
  if (!image) {
    throw invalid(
      `user_image_url: no container image is run here. Say what stands for ${url} under gateway.images in vendors/modelarts.yaml`,
    )
  }
  const line = (config.user_command as string)
    .replace(IMAGE_SCRIPT, '')
    .replaceAll('{python_file_parameter}', () => argumentsOf({ ...config, parameter: [] }, places).join(' '))
  const command = places.code === undefined ? line : withCode(line, config.app_url as string, places.code)
  const env = Object.fromEntries([
    ...(places.data[0] === undefined ? [] : [['DATA_URL', places.data[0]]]),
    ...(places.train === undefined ? [] : [['TRAIN_URL', places.train]]),
    ...config.parameter.map(variable),
  ])
  return { command: image.prefix ? `${image.prefix} ${command}` : command, env: { ...image.env, ...env } }
}

/** `/home/work/user-job-dir/app/train.py` is `train.py` in the code directory `…/app/`. */
function withCode(line: string, appUrl: string, code: string): string {
  const folder = `${IMAGE_CODE}/${appUrl.replace(/\/+$/, '').split('/').at(-1)}`
  return line.replaceAll(folder, () => shellQuote(code))
}

function variable({ label, value }: Parameter): [string, string] {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(label)) return [label, String(value)]
  throw invalid(`parameter: ${JSON.stringify(label)} cannot name a variable of the environment of a custom image`)
}

/** Nothing is mounted on a host; a program can read here what it would have found where. */
function volumeEnv({ volumes }: TrainingConfig): Record<string, string> {
  return volumes?.length ? { MODELARTS_VOLUMES: JSON.stringify(volumes) } : {}
}

/** Every worker's devices, all on one host. The pool wins for the place, a specification for the size (§13). */
function resourcesOf({ spec_id, pool_id, worker_server_num }: TrainingConfig, { specs, pools }: GatewayConfig) {
  const spec = spec_id === undefined ? undefined : specs[spec_id]
  const each = spec?.gpus ?? pools?.[pool_id ?? '']?.gpus ?? 1
  return { gpus: Math.max(1, each) * worker_server_num, ...(spec?.gpuType ? { gpuType: spec.gpuType } : {}) }
}

function poolOf({ pool_id }: TrainingConfig, { pools }: GatewayConfig): { pool?: string } {
  if (!pool_id || pools === undefined) return {}
  if (Object.hasOwn(pools, pool_id)) return { pool: pools[pool_id]?.pool as string }
  throw invalid(`pool_id: ${pool_id} is unknown; its operator can add it to gateway.pools in vendors/modelarts.yaml`)
}
