import type { FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { VendorRecordRow } from '../../../store/database.js'
import { lockNamed } from '../../../store/store.js'
import {
  deleteRecord,
  findRecord,
  insertRecord,
  lockRecord,
  records,
  updateRecord,
} from '../../../store/vendor-records.js'
import type { GatewayConfig } from '../config.js'
import { NewConfiguration, ReplacedConfiguration, type TrainingConfig } from '../wire.js'
import type { Caller } from './caller.js'
import { checkConfig, derivedFields } from './catalogue.js'
import { Refusal, unknown } from './refusal.js'
import { bodyAs, choiceIn, numberIn, pageOf, type Query, searchIn, textIn } from './request.js'

type Deps = FacadeDeps<GatewayConfig>
type Saved = TrainingConfig & { config_desc: string }
type Configuration = { name: string; createdAt: number; saved: Saved }

const keyOf = ({ project }: Caller) => ({ vendor: 'modelarts', project, kind: 'config' })

/** Built in and read-only (`config_type=sample`): the configuration of the official sample request (seed). */
const SAMPLES: Record<string, Saved> = {
  sample: {
    config_desc: 'The built-in algorithm 1 on one device',
    worker_server_num: 1,
    spec_id: 1,
    model_id: 1,
    engine_id: 1,
    data_url: '/usr/data/',
    parameter: [{ label: 'learning_rate', value: '0.01' }],
    train_url: '/usr/train/',
    log_url: '',
  },
}

/** Script mode without an engine means engine 1 (reference §13). */
export function withEngine<T extends TrainingConfig>(config: T): T {
  const isScript = config.model_id === undefined && config.boot_file_url !== undefined
  return isScript && config.engine_id === undefined ? { ...config, engine_id: 1 } : config
}

/** C1. */
export async function createConfiguration(request: FastifyRequest, caller: Caller, deps: Deps) {
  const { config_name, ...body } = bodyAs(request, NewConfiguration)
  checkConfig(body, deps.config, 'saved')
  await deps.store.transact(async (tx) => {
    await lockNamed(tx, `modelarts-config:${caller.project}:${config_name}`)
    const isTaken = Object.hasOwn(SAMPLES, config_name) || (await findRecord(tx.q, keyOf(caller), config_name))
    if (isTaken) throw new Refusal('ModelArts.0103', `Config name:${config_name} is existed`)
    await insertRecord(tx, keyOf(caller), { vendorId: config_name, name: config_name, body: withEngine(body) })
  })
  return {}
}

const SORTS = ['config_name', 'config_desc', 'create_time'] as const

/** C2. */
export async function listConfigurations(query: Query, caller: Caller, deps: Deps) {
  const perPage = numberIn(query, 'per_page', { min: 1, max: 1000, otherwise: 10 })
  const page = numberIn(query, 'page', { min: 1, max: Number.MAX_SAFE_INTEGER, otherwise: 1 })
  const order = choiceIn(query, 'order', ['asc', 'desc'], 'desc')
  const type = typeIn(query)
  const sortBy = choiceIn(query, 'sortBy', type === 'sample' ? SORTS.slice(0, 2) : SORTS, 'config_name')
  const search = searchIn(query, 256)
  const all = (type === 'sample' ? samples() : await own(caller, deps)).filter(({ name }) => name.includes(search))
  const value = (one: Configuration) =>
    sortBy === 'config_name' ? one.name : sortBy === 'config_desc' ? one.saved.config_desc : one.createdAt
  const configs = pageOf(all, { value, name: (one) => one.name, order }, { page, perPage })
  return { config_total_count: all.length, configs: configs.map((one) => listed(one, deps.config)) }
}

const typeIn = (query: Query) => choiceIn(query, 'config_type', ['custom', 'sample'], 'custom')

function samples(): Configuration[] {
  return Object.entries(SAMPLES).map(([name, saved]) => ({ name, createdAt: 0, saved }))
}

async function own(caller: Caller, { store }: Deps): Promise<Configuration[]> {
  return (await records(store.read, keyOf(caller)).execute()).map(readRow)
}

function readRow(row: VendorRecordRow): Configuration {
  return { name: row.vendor_id, createdAt: row.created_at, saved: JSON.parse(row.body) as Saved }
}

function listed({ name, createdAt, saved }: Configuration, gateway: GatewayConfig) {
  const { engine_type, engine_name, engine_version } = derivedFields(saved, gateway)
  return {
    config_name: name,
    config_desc: saved.config_desc,
    create_time: createdAt,
    engine_type,
    engine_name,
    engine_id: saved.engine_id,
    engine_version,
    user_image_url: saved.user_image_url,
    user_command: saved.user_command,
  }
}

/** C3. */
export async function showConfiguration(request: FastifyRequest, query: Query, caller: Caller, deps: Deps) {
  const name = textIn(request, 'config_name')
  const found =
    typeIn(query) === 'sample' ? samples().find((one) => one.name === name) : await ownNamed(name, caller, deps)
  if (!found) throw unknown(`Config ${name}`)
  const derived = derivedFields(found.saved, deps.config)
  return { config_name: name, ...found.saved, create_time: found.createdAt, ...derived }
}

async function ownNamed(name: string, caller: Caller, { store }: Deps): Promise<Configuration | undefined> {
  const row = await findRecord(store.read, keyOf(caller), name)
  return row && readRow(row)
}

/** C4: replaces all but the name. */
export async function replaceConfiguration(request: FastifyRequest, caller: Caller, deps: Deps) {
  const body = bodyAs(request, ReplacedConfiguration)
  checkConfig(body, deps.config, 'saved')
  await change(request, caller, deps, (tx, row) => updateRecord(tx, row, { body: withEngine(body) }))
  return {}
}

/** C5. Jobs that were made from it hold a copy (§13). */
export async function deleteConfiguration(request: FastifyRequest, caller: Caller, deps: Deps) {
  await change(request, caller, deps, deleteRecord)
  return {}
}

async function change(
  request: FastifyRequest,
  caller: Caller,
  { store }: Deps,
  write: typeof deleteRecord,
): Promise<void> {
  const name = textIn(request, 'config_name')
  await store.transact(async (tx) => {
    const row = await lockRecord(tx, keyOf(caller), name)
    if (row) return write(tx, row)
    throw Object.hasOwn(SAMPLES, name)
      ? new Refusal('ModelArts.0105', `Config ${name} is a sample and cannot be changed`)
      : unknown(`Config ${name}`)
  })
}
