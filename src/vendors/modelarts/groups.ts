import type { DataSource, TrainingConfig } from './wire.js'

/** Where a configuration is used: saved (C1, C4) or run (J1, VC). */
export type Use = 'saved' | 'run'

/** The first either/or rule (§5.2, §13) that a configuration breaks, in words; undefined where it keeps them all. */
export function brokenRule(config: TrainingConfig, use: Use): string | undefined {
  return whatRuns(config) ?? whatData(config) ?? whereItRuns(config, use)
}

const has = (text: string | undefined): text is string => text !== undefined && text !== ''

/** Group A. `model_id` beside a script is accepted, since the official sample sends it; it wins. */
function whatRuns(config: TrainingConfig): string | undefined {
  const { app_url, boot_file_url, model_id, user_image_url, user_command } = config
  if (has(user_image_url) !== has(user_command)) return 'user_image_url and user_command must be used together'
  const isImage = has(user_image_url)
  if (has(boot_file_url) && !has(app_url)) return 'boot_file_url must be used together with app_url'
  if (has(app_url) && !has(boot_file_url) && !isImage) return 'app_url must be used together with boot_file_url'
  if (has(app_url) && has(boot_file_url) && !isInside(app_url, boot_file_url)) {
    return `Invalid OBS path '${boot_file_url}'.`
  }
  if (isImage || has(app_url) || model_id !== undefined) return undefined
  return 'one of app_url with boot_file_url, model_id, user_image_url with user_command must exist'
}

/** An address without its scheme: `obs://bucket/x` and `/bucket/x` mean the same. */
export function pathOf(address: string): string {
  return address.replace(/^(obs|s3):\/\//, '/')
}

function isInside(folder: string, file: string): boolean {
  const [outer, inner] = [pathOf(folder).replace(/\/*$/, '/'), pathOf(file)]
  return inner.startsWith(outer) && inner.length > outer.length && !inner.split('/').includes('..')
}

/** Group B. */
function whatData(config: TrainingConfig): string | undefined {
  const { data_url, dataset_id, dataset_version_id } = config
  if (has(dataset_id) !== has(dataset_version_id)) {
    return 'dataset_id and dataset_version_id must be used together'
  }
  const sources = config.data_source ?? []
  const given = [has(data_url), has(dataset_id), sources.length > 0].filter(Boolean).length
  if (given === 0) return 'one of data_url, dataset_id with dataset_version_id, data_source must exist'
  if (given > 1) return 'data_url, dataset_id with dataset_version_id and data_source cannot be used together'
  return wrongSource(sources)
}

function wrongSource(sources: DataSource[]): string | undefined {
  const types = new Set(sources.map(typeOf))
  if (types.size > 1) return 'obs and dataset cannot be used at the same time in data_source'
  for (const [i, source] of sources.entries()) {
    const problem = typeOf(source) === 'obs' ? wrongObs(source) : wrongDataset(source)
    if (problem) return `data_source[${i}]: ${problem}`
  }
  return undefined
}

/** A missing type is inferred from the keys (§13). */
function typeOf(source: DataSource): 'obs' | 'dataset' {
  return source.type ?? (has(source.data_url) ? 'obs' : 'dataset')
}

function wrongObs(source: DataSource): string | undefined {
  if (!has(source.data_url)) return 'type obs needs data_url'
  return has(source.dataset_id) || has(source.dataset_version)
    ? 'type obs has no dataset_id or dataset_version'
    : undefined
}

function wrongDataset(source: DataSource): string | undefined {
  if (has(source.data_url)) return 'type dataset has no data_url'
  return has(source.dataset_id) && has(source.dataset_version)
    ? undefined
    : 'type dataset needs dataset_id and dataset_version'
}

/** Group C. Official samples send both: accepted, the pool wins. */
function whereItRuns(config: TrainingConfig, use: Use): string | undefined {
  if (config.spec_id !== undefined) return undefined
  if (use === 'saved') return 'spec_id is required'
  return has(config.pool_id) ? undefined : 'one of spec_id, pool_id must exist'
}
