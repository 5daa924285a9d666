import type { JobSpec } from '../schema/job.js'
import type { GroupRow } from './database.js'
import { sha256 } from './ids.js'
import type { Tx } from './store.js'

/**
 * What the result of a step depends on, as a hash: what runs, in which folder and environment, and what it is given. Where and when
 * it runs, under which limits and how often it is tried, changes nothing in it.
 */
export function cacheKey(spec: JobSpec, given: object): string {
  const { command, finetune, env, workdir, setup, image, secrets, provider, providerOptions } = spec
  return sha256(canonical({ command, finetune, env, workdir, setup, image, secrets, provider, providerOptions, given }))
}

/** The newest completed step of the project with that key. */
export function findCached(
  tx: Tx,
  { project }: Pick<GroupRow, 'project'>,
  key: string,
): Promise<{ job_id: string | null; group_id: string; name: string } | undefined> {
  return tx.q
    .selectFrom('group_members as m')
    .innerJoin('job_groups as g', 'g.id', 'm.group_id')
    .innerJoin('jobs as j', 'j.id', 'm.job_id')
    .select(['m.job_id', 'm.group_id', 'g.name'])
    .where('m.cache_key', '=', key)
    .where('m.state', '=', 'completed')
    .where('g.project', '=', project)
    .orderBy('m.ended_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** JSON in which the order of keys does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
