/** What a project, or one user of it, may have at once, in one pool or in all. A limit of null: as much as there is. */
export interface Quota {
  project: string
  /** Who submitted, as the job names it; null: all users together. */
  user: string | null
  /** Null: all pools together. */
  pool: string | null
  devices: number | null
  running: number | null
}

/** What an attempt holds, or would hold: of whom, where, how much. */
export interface Claim {
  project: string
  user: string
  pool: string
  devices: number
}

export type HeldLimit = 'devices' | 'running'

/** The limit that keeps somebody from starting, and how much of it is held. */
export interface HeldBack {
  quota: Quota
  limit: HeldLimit
  used: number
}

/**
 * What is held of each quota, counted on as grants are made. It decides only who may be looked at: whether and where there
 * are devices for them is for `allocate` to say, which asks here before each and tells of each grant.
 */
export class QuotaTally {
  readonly #rows: { quota: Quota; devices: number; running: number }[]

  constructor(quotas: readonly Quota[], held: readonly Claim[]) {
    this.#rows = quotas.map((quota) => ({ quota, devices: 0, running: 0 }))
    for (const claim of held) this.add(claim)
  }

  /** Counts an attempt in that has been granted. */
  add(claim: Claim): void {
    for (const row of this.#of(claim)) {
      row.devices += claim.devices
      row.running += 1
    }
  }

  /** The first quota that this attempt would pass; undefined: it may start. */
  heldBack(claim: Claim): HeldBack | undefined {
    for (const { quota, devices, running } of this.#of(claim)) {
      if (quota.running !== null && running + 1 > quota.running) return { quota, limit: 'running', used: running }
      // Who asks for no device takes none, also where more are held than a quota that was lowered allows.
      if (quota.devices !== null && claim.devices > 0 && devices + claim.devices > quota.devices)
        return { quota, limit: 'devices', used: devices }
    }
    return undefined
  }

  /** Devices that an attempt may ask for at most to start now, by quota; only those that hold anybody back. */
  bounds(): { quota: Quota; devices: number }[] {
    return this.#rows.flatMap(({ quota, devices, running }) => {
      if (quota.running !== null && running >= quota.running) return [{ quota, devices: -1 }]
      return quota.devices === null ? [] : [{ quota, devices: Math.max(0, quota.devices - devices) }]
    })
  }

  #of(claim: Claim) {
    return this.#rows.filter(({ quota }) => applies(quota, claim))
  }
}

/** Whether a quota speaks of this attempt. */
export function applies(quota: Pick<Quota, 'project' | 'user' | 'pool'>, claim: Omit<Claim, 'devices'>): boolean {
  return (
    quota.project === claim.project &&
    (quota.user === null || quota.user === claim.user) &&
    (quota.pool === null || quota.pool === claim.pool)
  )
}

/** `user token:1 of project vision`, `project vision`, with the pool where it speaks of one. */
export function quotaName({ project, user, pool }: Pick<Quota, 'project' | 'user' | 'pool'>): string {
  const who = user === null ? `project ${project}` : `${user} in project ${project}`
  return pool === null ? who : `${who}, pool ${pool},`
}
