import { couldHold, fitsWith, type Holding, type HostState, type Pool, type Request } from './allocate.js'

/** What an attempt holds, and how much it matters. */
export interface Ranked extends Holding {
  priority: number
  grantedAt: number
  /** Its stop has been ordered: what it holds comes back soon. */
  isStopping: boolean
}

type Head = Request & { priority: number }

/**
 * Whose attempts must stop so that the head of the queue can start: only such of lower priority, the lowest first and among
 * equals the youngest, and no more than needed. None when what is already stopping will do, or when no choice would. The
 * host that costs the fewest further attempts is taken, once for each node; an attempt of several nodes gives way whole.
 */
export function chooseVictims(head: Head, { hosts, holdings }: Pool & { holdings: readonly Ranked[] }): string[] {
  const victims = new Set<string>()
  let open = hosts.filter((host) => couldHold(head, host))
  for (let rank = 0; rank < head.nodes; rank++) {
    const next = cheapest(open, head, without(holdings, victims))
    if (!next) return []
    for (const id of next.victims) victims.add(id)
    open = open.filter((host) => host !== next.host)
  }
  return victims.size > 1 ? needed(head, hosts, holdings, victims) : [...victims]
}

function cheapest(hosts: readonly HostState[], head: Head, holdings: readonly Ranked[]) {
  let best: { host: HostState; victims: string[] } | undefined
  for (const host of hosts) {
    const victims = victimsOn(host, head, holdings)
    if (victims && (!best || victims.length < best.victims.length)) best = { host, victims }
    if (victims?.length === 0) return best
  }
  return best
}

function victimsOn(host: HostState, head: Head, holdings: readonly Ranked[]): string[] | undefined {
  let left = holdings.filter((held) => held.hostId === host.id && !held.isStopping)
  const own = left
  const victims: string[] = []
  const weaker = left
    .filter((held) => held.priority < head.priority)
    .sort((a, b) => a.priority - b.priority || b.grantedAt - a.grantedAt)
  for (const next of [undefined, ...weaker]) {
    if (next) {
      victims.push(next.id)
      left = left.filter((held) => held !== next)
    }
    if (fitsWith(head, host, left)) return needed({ ...head, nodes: 1 }, [host], own, new Set(victims))
  }
  return undefined
}

/** Leaves out those who were chosen on the way and turn out not to be needed. */
function needed(
  head: Head,
  hosts: readonly HostState[],
  holdings: readonly Ranked[],
  victims: ReadonlySet<string>,
): string[] {
  const gone = new Set(victims)
  for (const id of victims) {
    gone.delete(id)
    const left = without(holdings, gone).filter((held) => !held.isStopping)
    const ready = hosts.filter((host) => couldHold(head, host) && fitsWith(head, host, left))
    if (ready.length < head.nodes) gone.add(id)
  }
  return [...victims].filter((id) => gone.has(id))
}

function without(holdings: readonly Ranked[], ids: ReadonlySet<string>): Ranked[] {
  return holdings.filter((held) => !ids.has(held.id))
}
