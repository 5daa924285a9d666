import type { JobDefaults } from '../../../schema/vendor-config.js'
import type { EasServiceRow } from '../../../store/database.js'
import { type EasGateway, EasService } from '../config-gateway.js'

/** What the operator's file says of a service. */
export interface Limits {
  job?: JobDefaults | undefined
  /** Entries that its sink holds. */
  maxLength: number
}
export type LimitsOf = (service: EasServiceRow) => Limits

const LIMITS = EasService.pick({ maxLength: true }).parse({})

/** Of a service that the file does not name: what holds where nothing is said. */
export function limitsOf(config: EasGateway): LimitsOf {
  return ({ name }) => config.services[name] ?? LIMITS
}
