import { join } from 'node:path'
import { mapPath, type PathMap } from '../../../schema/vendor-config.js'
import type { GatewayConfig } from '../config.js'
import { pathOf } from '../groups.js'
import type { TrainingConfig } from '../wire.js'
import { invalid } from './refusal.js'

/** The folders and files of this machine that a configuration means. */
export interface Places {
  code: string | undefined
  boot: string | undefined
  data: string[]
  train: string | undefined
  log: string | undefined
}

type Gateway = { config: GatewayConfig; folder: string }

/** Without `paths` every bucket is a folder below this one; without `datasets` every data set is. */
const BUCKETS = 'obs'
const DATASETS = 'datasets'

export function placesOf(config: TrainingConfig, gateway: Gateway): Places {
  const { app_url, boot_file_url, model_id, train_url, log_url } = config
  const isScript = model_id === undefined
  return {
    code: isScript && app_url ? pathIn('app_url', app_url, gateway) : undefined,
    boot: isScript && boot_file_url ? pathIn('boot_file_url', boot_file_url, gateway) : undefined,
    data: dataOf(config, gateway),
    train: train_url ? pathIn('train_url', train_url, gateway) : undefined,
    log: log_url ? pathIn('log_url', log_url, gateway) : undefined,
  }
}

/** An address as it stands in the map, or in its other form: `obs://bucket/x` is `/bucket/x`. */
function pathIn(field: string, address: string, { config, folder }: Gateway): string {
  const map: PathMap = config.paths ?? { '/': join(folder, BUCKETS) }
  const plain = pathOf(address)
  for (const form of [address, plain, `obs:/${plain}`]) {
    const path = mapPath(map, form)
    if (path !== undefined) return path
  }
  throw invalid(
    `Invalid OBS path '${address}'. ${field} has no place on this machine; its operator can add one to gateway.paths in vendors/modelarts.yaml`,
  )
}

/** The one member of group B (§5.2) that is given; several sources are several folders. */
function dataOf(config: TrainingConfig, gateway: Gateway): string[] {
  const { data_url, dataset_id, dataset_version_id, data_source = [] } = config
  if (data_url) return [pathIn('data_url', data_url, gateway)]
  if (dataset_id) return [datasetIn(dataset_id, dataset_version_id as string, gateway)]
  return data_source.map((source) =>
    source.data_url
      ? pathIn('data_source', source.data_url, gateway)
      : datasetIn(source.dataset_id as string, source.dataset_version as string, gateway),
  )
}

function datasetIn(id: string, version: string, { config, folder }: Gateway): string {
  const name = `${id}/${version}`
  const { datasets } = config
  const path = datasets
    ? [name, id].filter((key) => Object.hasOwn(datasets, key)).map((key) => datasets[key])[0]
    : mapPath({ 'dataset:': join(folder, DATASETS) }, `dataset:${name}`)
  if (path !== undefined) return path
  throw invalid(
    `dataset_id: ${name} has no place on this machine; its operator can add it to gateway.datasets in vendors/modelarts.yaml`,
  )
}
