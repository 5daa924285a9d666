/** Something with a name that needs others of the same list to be before it. */
interface Node {
  name: string
  needs: readonly string[]
}

/** The nodes so that each stands behind those that it needs, else as they were; or the first cycle, `['a', 'b', 'a']`: a needs b needs a. */
export function inOrder<T extends Node>(nodes: readonly T[]): { order: T[] } | { cycle: string[] } {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const dependents = new Map<string, T[]>(nodes.map(({ name }) => [name, []]))
  const left = new Map(nodes.map(({ name, needs }) => [name, new Set(needs).size]))
  for (const node of nodes) for (const need of new Set(node.needs)) dependents.get(need)?.push(node)
  const order = nodes.filter(({ needs }) => needs.length === 0)
  for (const { name } of order) // grows while it is walked
    for (const next of dependents.get(name) ?? []) {
      const count = (left.get(next.name) as number) - 1
      left.set(next.name, count)
      if (count === 0) order.push(next)
    }
  return order.length === nodes.length
    ? { order }
    : { cycle: cycleAmong(byName, new Set(order.map(({ name }) => name))) }
}

/** Whoever is left over needs somebody who is left over, so that walking from need to need comes round. */
function cycleAmong<T extends Node>(byName: ReadonlyMap<string, T>, done: ReadonlySet<string>): string[] {
  const path: string[] = []
  let name = [...byName.keys()].find((one) => !done.has(one)) as string
  while (!path.includes(name)) {
    path.push(name)
    name = byName.get(name)?.needs.find((need) => !done.has(need)) as string
  }
  return [...path.slice(path.indexOf(name)), name]
}

/** Everything that stands before a node, however far. */
export function before(byName: ReadonlyMap<string, Node>, name: string): Set<string> {
  const found = new Set<string>()
  const open = [...(byName.get(name)?.needs ?? [])]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue
    found.add(next)
    open.push(...(byName.get(next)?.needs ?? []))
  }
  return found
}
