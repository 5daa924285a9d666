import type { GatewayConfig } from '../config.js'
import { brokenRule, type Use } from '../groups.js'
import type { TrainingConfig } from '../wire.js'
import { invalid } from './refusal.js'
import { choiceIn, numberIn, pageOf, type Query, searchIn } from './request.js'

/** What jobs can be made of (R1–R3, reference §8): all of it comes from the configuration file. */

const JOB_TYPES = ['train', 'inference'] as const

/** R1. */
export function listSpecs({ specs }: GatewayConfig, query: Query) {
  choiceIn(query, 'job_type', JOB_TYPES, 'train')
  numberIn(query, 'engine_id', { min: 0, max: Number.MAX_SAFE_INTEGER, otherwise: 0 })
  numberIn(query, 'project_type', { min: 0, max: 3, otherwise: 0 })
  const list = Object.entries(specs).map(([id, spec]) => ({
    spec_id: Number(id),
    spec_code: spec.code,
    core: spec.core,
    cpu: spec.cpu,
    gpu_num: spec.gpus,
    gpu_type: spec.gpuType ?? '',
    max_num: spec.maxWorkers,
    unit_num: 1,
    storage: '',
    interface_type: 1,
    no_resource: false,
  }))
  return { spec_total_count: list.length, specs: list }
}

/** R2. */
export function listEngines({ engines }: GatewayConfig, query: Query) {
  choiceIn(query, 'job_type', JOB_TYPES, 'train')
  return { engines: Object.keys(engines).map((id) => ({ engine_id: Number(id), ...engineFields(engines, id) })) }
}

const MODEL_SORTS = [
  'engine',
  'model_name',
  'model_precision',
  'model_usage',
  'model_size',
  'create_time',
  'parameter',
] as const

/** R3. */
export function listModels(config: GatewayConfig, query: Query) {
  const perPage = numberIn(query, 'per_page', { min: 1, max: 100, otherwise: 10 })
  const page = numberIn(query, 'page', { min: 1, max: 65_535, otherwise: 1 })
  const sortBy = choiceIn(query, 'sortBy', MODEL_SORTS, 'engine')
  const order = choiceIn(query, 'order', ['asc', 'desc'], 'desc')
  const search = searchIn(query, 100)
  const all = Object.entries(config.models)
    .map(([id, model]) => ({
      model_id: Number(id),
      model_name: model.name,
      model_usage: model.usage,
      model_precision: model.precision,
      model_size: model.size,
      model_train_dataset: '',
      model_dataset_format: '',
      model_description_url: '',
      parameter: JSON.stringify(model.parameters.map((one) => ({ ...one, required: false }))),
      create_time: 0,
      engine_id: model.engineId,
      ...engineFields(config.engines, String(model.engineId)),
    }))
    .filter(({ model_name }) => model_name.includes(search))
  const value = (model: (typeof all)[number]) => (sortBy === 'engine' ? model.engine_name : model[sortBy])
  const models = pageOf(all, { value, name: (model) => model.model_name, order }, { page, perPage })
  return { model_total_count: all.length, models }
}

function engineFields(engines: GatewayConfig['engines'], id: string) {
  const engine = engines[id]
  return { engine_type: engine?.type ?? 0, engine_name: engine?.name ?? '', engine_version: engine?.version ?? '' }
}

/** Refuses what breaks an either/or rule or names what is not there (§5.1, §13). */
export function checkConfig(config: TrainingConfig, gateway: GatewayConfig, use: Use): void {
  const broken = brokenRule(config, use)
  if (broken) throw invalid(broken)
  mustKnow('spec_id', config.spec_id, gateway.specs, 'specs')
  mustKnow('model_id', config.model_id, gateway.models, 'models')
  mustKnow('engine_id', config.engine_id, gateway.engines, 'engines')
  const most = mostWorkers(config, gateway)
  if (config.worker_server_num > most) {
    throw invalid(`worker_server_num: ${config.worker_server_num} is more than max_num ${most} of the specification`)
  }
}

function mustKnow(field: string, id: number | undefined, known: Record<string, unknown>, key: string): void {
  if (id === undefined || Object.hasOwn(known, String(id))) return
  throw invalid(`${field}: ${id} is unknown; its operator can add it to gateway.${key} in vendors/modelarts.yaml`)
}

function mostWorkers({ spec_id, pool_id }: TrainingConfig, gateway: GatewayConfig): number {
  if (spec_id !== undefined) return gateway.specs[spec_id]?.maxWorkers ?? 1
  return gateway.pools?.[pool_id ?? '']?.maxWorkers ?? Number.MAX_SAFE_INTEGER
}

/** What replies tell of a configuration beside its own fields (§5.4, §6.4). */
export function derivedFields(config: TrainingConfig, gateway: GatewayConfig) {
  const spec = gateway.specs[config.spec_id ?? -1]
  const engineId = config.model_id === undefined ? config.engine_id : gateway.models[config.model_id]?.engineId
  return {
    ...engineFields(gateway.engines, String(engineId ?? '')),
    spec_code: spec?.code ?? '',
    core: spec?.core ?? '',
    cpu: spec?.cpu ?? '',
    gpu_num: spec?.gpus ?? 0,
    gpu_type: spec?.gpuType ?? '',
    dataset_name: '',
    dataset_version_name: '',
    ...(config.pool_id ? { pool_name: gateway.pools?.[config.pool_id]?.name ?? config.pool_id } : {}),
  }
}
