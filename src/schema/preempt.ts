import { canEverRun, fitsWith, type Holding, type HostState, type Pool, type Request } from './allocate.js'

/** What an attempt holds, and how much it matters. */
export interface Ranked extends Holding {
  priority: number
  grantedAt: number
  /** Its stop has been ordered: what it holds comes back soon. */
  isStopping: boolean
}

/**
 * Whose attempts must stop so that the head of the queue can start: only such of lower priority, all on one host, the lowest
 * first and among equals the youngest, and no more than needed. None when what is already stopping will do, or when no choice
 * would. The host that costs the fewest attempts is taken.
 */
export function chooseVictims(
  head: Request & { priority: number },
  { hosts, holdings }: Pool & { holdings: readonly Ranked[] },
): string[] {
  let best: string[] | undefined
  for (const host of hosts) {
    if (!canEverRun(head, [host])) continue
    const victims = victimsOn(host, head, holdings)
    if (victims?.length === 0) return []
    if (victims && (!best || victims.length < best.length)) best = victims
  }
  return best ?? []
}

function victimsOn(host: HostState, head: Request & { priority: number }, holdings: readonly Ranked[]) {
  const own = holdings.filter((held) => held.hostId === host.id)
  let left = own.filter((held) => !held.isStopping)
  const victims: string[] = []
  const weaker = left
    .filter((held) => held.priority < head.priority)
    .sort((a, b) => a.priority - b.priority || b.grantedAt - a.grantedAt)
  for (const next of [undefined, ...weaker]) {
    if (next) {
      victims.push(next.id)
      left = left.filter((held) => held !== next)
    }
    if (fitsWith(head, host, left)) return needed(head, host, left, own, victims)
  }
  return undefined
}

/** Leaves out those who were chosen on the way and turn out not to be needed. */
function needed(head: Request, host: HostState, left: Ranked[], own: readonly Ranked[], victims: string[]): string[] {
  let kept = left
  return victims.filter((id) => {
    const back = [...kept, own.find((held) => held.id === id) as Ranked]
    if (!fitsWith(head, host, back)) return true
    kept = back
    return false
  })
}
