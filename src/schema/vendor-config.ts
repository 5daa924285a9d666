import { resolve, sep } from 'node:path'
import { z } from 'zod'
import { JobSpec } from './job.js'

/**
 * What a vendor's configuration file may give every job that comes in through its facade: where it runs, and what it runs
 * with. The facade's own fields come on top.
 */
export const JobDefaults = z.strictObject({
  provider: JobSpec.shape.provider.unwrap().optional(),
  providerOptions: JobSpec.shape.providerOptions,
  pool: JobSpec.shape.pool.unwrap().optional(),
  resources: JobSpec.shape.resources.unwrap().optional(),
  workdir: JobSpec.shape.workdir,
  setup: JobSpec.shape.setup,
  env: JobSpec.shape.env.unwrap().optional(),
  secrets: JobSpec.shape.secrets.unwrap().optional(),
  timeouts: JobSpec.shape.timeouts.unwrap().optional(),
  tags: JobSpec.shape.tags.unwrap().optional(),
})
export type JobDefaults = z.infer<typeof JobDefaults>

/** The name of a secret; its value comes from `ANNEAL_SECRET_<NAME>` or from `secrets/<NAME>` (0600) in the home. */
export const SecretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a secret: letters, digits, underscore')

/** Beginnings of a vendor's addresses (`obs://bucket/data/`, `/bucket/`) and the folder of this machine that each means. */
export const PathMap = z.record(z.string().min(1), z.string().startsWith('/', 'expected an absolute path'))
export type PathMap = z.infer<typeof PathMap>

/** The local path of a vendor's address by the longest beginning that fits; undefined where none does, or it leads out of its folder. */
export function mapPath(map: PathMap, address: string): string | undefined {
  const prefix = Object.keys(map)
    .filter((beginning) => address.startsWith(beginning))
    .sort((a, b) => b.length - a.length)[0]
  if (prefix === undefined || address.includes('\0')) return undefined
  const root = resolve(map[prefix] as string)
  const path = resolve(root, `.${sep}${address.slice(prefix.length)}`)
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep) ? path : undefined
}

/** A job's name made of any text: lower case, other signs as dashes, at most 63. */
export function jobName(text: string, otherwise: string): string {
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return slug === '' ? otherwise : slug
}

/** One word of a shell line, whatever it contains. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_/:=.,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
