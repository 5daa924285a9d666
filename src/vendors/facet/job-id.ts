import { createHash } from 'node:crypto'
import { dumpJson } from './python-json.js'
import { isFloatField, type TrainRequest } from './wire.js'

/**
 * The id that the service gives to a request: the same for the same request, secrets and name included (reference §7).
 * Exact down to the bytes that Python hashes.
 */
export function jobIdOf(request: TrainRequest): string {
  const dataset = request.processed_dataset_id.replaceAll(' ', '-')
  const model = request.training_config.base_model_id.split('/').at(-1)
  const hash = createHash('sha256').update(dumpRequest(request)).digest('hex').slice(0, 8)
  return `training_${dataset}_${model}_${hash}`
}

/** A request, or what is left of one, as Python writes it. */
export function dumpRequest(request: unknown): string {
  return dumpJson(request, isFloatField)
}
