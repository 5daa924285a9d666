import { z } from 'zod'
import { JobDefaults } from '../../../schema/vendor-config.js'
import type { EasServiceRow } from '../../../store/database.js'
import { Scaling } from './scaling.js'

/** A place that the service's commands know, and the folder of this machine that stands for it. */
export const Mount = z.object({ mountPath: z.string(), folder: z.string(), readOnly: z.boolean().default(false) })
export type Mount = z.infer<typeof Mount>

/** What is kept of a service beside its queues: the `settings` of its row. */
export const ServiceSettings = z.object({
  type: z.enum(['ScalableJobService', 'ScalableJob', 'service']).default('ScalableJob'),
  /** As it was deployed, without the tokens in it. */
  deployment: z.record(z.string(), z.unknown()).optional(),
  /** What each of its jobs gets. */
  job: JobDefaults.prefault({}),
  mounts: z.array(Mount).default([]),
  /** Whether a mount's path in a command becomes its folder. */
  rewritesPaths: z.boolean().default(false),
  scaling: Scaling.prefault({}),
  /** Instances to begin with. */
  instances: z.int().min(0).default(1),
  frontEnd: z.object({ jobId: z.string(), port: z.int().optional(), isWeb: z.boolean() }).optional(),
})
export type ServiceSettings = z.infer<typeof ServiceSettings>

export function settingsOf(service: EasServiceRow): ServiceSettings {
  return ServiceSettings.parse(JSON.parse(service.settings))
}

/** `EAS_MOUNT_1`, `EAS_MOUNT_2` …: the folder of each mount, in the order of the deployment. */
export function mountVariables(mounts: readonly Mount[]): Record<string, string> {
  return Object.fromEntries(mounts.map(({ folder }, i) => [`EAS_MOUNT_${i + 1}`, folder]))
}

/** A command with the paths of the mounts replaced by their folders, where one stands as a path of its own. */
export function rewritePaths(command: string, mounts: readonly Mount[]): string {
  return mounts.reduce((text, { mountPath, folder }) => {
    const path = mountPath.replace(/\/+$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    return text.replace(new RegExp(`(?<![\\w./-])${path}(?![\\w.-])`, 'g'), () => folder)
  }, command)
}
