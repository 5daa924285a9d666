import type { Assignment } from '../schema/agent.js'
import { readText } from './whole-file.js'

/** Below the ports that Linux gives to outgoing connections (32768 on), so that it stays free until rank 0 listens. */
const FIRST = 10_000
const COUNT = 20_000

/**
 * A TCP port that nobody on this machine uses at this moment, by the kernel's own tables. Nobody holds it until the
 * training listens: it is taken early, since the other ranks have to be told before they are started.
 */
export function freePort(random = Math.random): number {
  const used = usedPorts()
  for (let i = 0, from = Math.floor(random() * COUNT); i < COUNT; i++) {
    const port = FIRST + ((from + i) % COUNT)
    if (!used.has(port)) return port
  }
  throw new Error(`no TCP port between ${FIRST} and ${FIRST + COUNT} is free for the ranks to meet`)
}

/** Whether an attempt on several hosts has yet to be told where its ranks meet; nothing of it is started before. */
export function awaitsRendezvous({ nodes = 1, rendezvous }: Assignment): boolean {
  return nodes > 1 && !rendezvous
}

/** What each of several ranks is told of the others. `WORLD_SIZE` counts nodes, as `NODE_RANK` does. */
export function rankEnvironment({ rank, nodes, rendezvous }: Assignment): Record<string, string> {
  if (rank === undefined || nodes === undefined || !rendezvous) return {}
  return {
    MASTER_ADDR: rendezvous.address,
    MASTER_PORT: String(rendezvous.port),
    NODE_RANK: String(rank),
    WORLD_SIZE: String(nodes),
    ANNEAL_RANK: String(rank),
  }
}

/** Local ports of `/proc/net/tcp` and `tcp6`: the part after the colon of the second column, in hex. */
function usedPorts(): Set<number> {
  const lines = ['tcp', 'tcp6'].flatMap((table) => (readText(`/proc/net/${table}`) ?? '').split('\n').slice(1))
  return new Set(lines.map((line) => Number.parseInt(line.trim().split(/\s+/)[1]?.split(':')[1] ?? '', 16)))
}
