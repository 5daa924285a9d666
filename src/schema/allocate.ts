/** What an attempt asks of its pool: the same of each of `nodes` different hosts, all or none. */
export interface Request {
  id: string
  nodes: number
  /** On each host, like the CPUs and the memory. */
  devices: number
  gpuType: string | null
  cpus: number | null
  memoryBytes: number | null
  /** The longest that it can hold its devices, in milliseconds; null: it has no run limit, so nobody knows. */
  holdsFor: number | null
}

/** A connected host that takes new attempts, with the devices on it that may be used. */
export interface HostState {
  id: string
  devices: { id: string; model: string; heldBy: string | null }[]
  cpus: number
  memoryBytes: number
}

/** What an attempt holds on one host, and when it will have given it back at the latest; null: nobody knows. */
export interface Holding {
  id: string
  hostId: string
  cpus: number
  memoryBytes: number
  endsBy: number | null
}

export interface Pool {
  hosts: readonly HostState[]
  holdings: readonly Holding[]
}

/** Who may be looked at, beside all that is free; told of each grant, since that may be the last that somebody may have. */
export interface Gate {
  isOpen(request: Request): boolean
  granted(request: Request): void
}

/** The devices of one rank: all on one host. */
export interface Place {
  hostId: string
  deviceIds: string[]
}

export interface Grant {
  id: string
  /** One per rank, in their order, on different hosts. */
  places: Place[]
}

/**
 * Who gets which devices now. `waiting` stands in the order of the queue: priority, then first come. All devices of a rank
 * are on one host; the fullest hosts that still fit are taken, which keeps large blocks whole.
 *
 * The first that does not fit, the head, is promised as many hosts as it asks for: those where it can start soonest, given
 * the limits of those who hold them, and the time at which the last of them is ready. Those behind it pass only where that
 * start stays as it is, host by host: on a promised one when they will be done before it, or use what the head leaves; on
 * another freely, once the promised time is known; and anywhere that the head can never use. While the time is not known,
 * nobody passes on a host that might serve the head. So the head, of however many nodes, is passed for no longer than the
 * limits of those who ran when it became the head (EASY backfill: Mu'alem and Feitelson 2001).
 *
 * Who may not start whatever is free, by the gate, is neither granted nor the head: nobody waits behind them.
 */
export function allocate(waiting: readonly Request[], pool: Pool, now: number, gate?: Gate): Grant[] {
  const state = clone(pool)
  const grants: Grant[] = []
  let promise: Reservation | undefined
  let head: Request | undefined
  for (const request of waiting) {
    if (gate && !gate.isOpen(request)) continue
    const isAllowed = (host: HostState) => !head || mayPass(request, host, head, promise, state, now)
    const hosts = bestHosts(request, state, isAllowed)
    if (hosts) {
      grants.push({ id: request.id, places: hosts.map((host) => take(request, host, state, now)) })
      gate?.granted(request)
    } else if (!head && canEverRun(request, state.hosts)) {
      head = request
      promise = reservationOf(request, state, now)
    }
  }
  return grants
}

/** Where and when the head can start at the latest; `at` null: nobody knows. */
interface Reservation {
  hostIds: readonly string[]
  at: number | null
}

/** A request that the hosts of the pool could not hold even when empty does not stand in anybody's way. */
export function canEverRun(request: Request, hosts: readonly HostState[]): boolean {
  let left = request.nodes
  return hosts.some((host) => couldHold(request, host) && --left === 0)
}

/** Whether a host that were empty could hold one rank of it. */
export function couldHold(request: Request, host: HostState): boolean {
  return fits(request, host.devices, host.cpus, host.memoryBytes)
}

/** Where a request would be placed if it were alone in the queue, by rank. */
export function placeFor(request: Request, pool: Pool): HostState[] | undefined {
  return bestHosts(request, pool, () => true)
}

/** The latest start of a request that were alone in the queue; null: nobody knows. */
export function latestStart(request: Request, pool: Pool, now: number): number | null {
  return placeFor(request, pool) ? now : (reservationOf(request, pool, now)?.at ?? null)
}

/** Fitting devices that are free on one host, at most; of several nodes, on each of as many hosts. */
export function largestFreeBlock(request: Request, hosts: readonly HostState[]): number {
  return freeBlocks(request, hosts)[request.nodes - 1] ?? 0
}

/** Hosts that have the devices of one rank free. */
export function hostsFree(request: Request, hosts: readonly HostState[]): number {
  return freeBlocks(request, hosts).filter((block) => block >= request.devices).length
}

function freeBlocks(request: Request, hosts: readonly HostState[]): number[] {
  const isFree = (device: HostState['devices'][number]) => device.heldBy === null && matches(device, request)
  return hosts.map((host) => host.devices.filter(isFree).length).sort((a, b) => b - a)
}

/** The fullest hosts that fit, as many as the request has nodes, or none. */
function bestHosts(request: Request, pool: Pool, isAllowed: (host: HostState) => boolean): HostState[] | undefined {
  const found: { host: HostState; free: number }[] = []
  for (const host of pool.hosts) {
    const free = host.devices.filter((device) => device.heldBy === null)
    const { cpus, memoryBytes } = unused(host, pool.holdings)
    if (fits(request, free, cpus, memoryBytes) && isAllowed(host)) found.push({ host, free: free.length })
  }
  if (found.length < request.nodes) return undefined
  found.sort((a, b) => a.free - b.free)
  return found.slice(0, request.nodes).map(({ host }) => host)
}

function take(request: Request, host: HostState, pool: MutablePool, now: number): Place {
  const devices = host.devices.filter((device) => device.heldBy === null && matches(device, request))
  const taken = devices.slice(0, request.devices)
  for (const device of taken) device.heldBy = request.id
  pool.holdings.push({
    id: request.id,
    hostId: host.id,
    cpus: request.cpus ?? 0,
    memoryBytes: request.memoryBytes ?? 0,
    endsBy: request.holdsFor === null ? null : now + request.holdsFor,
  })
  return { hostId: host.id, deviceIds: taken.map((device) => device.id) }
}

function mayPass(
  request: Request,
  host: HostState,
  head: Request,
  promise: Reservation | undefined,
  pool: Pool,
  now: number,
): boolean {
  if (!couldHold(head, host)) return true
  if (request.holdsFor === null || !promise || promise.at === null) return false
  if (!promise.hostIds.includes(host.id) || now + request.holdsFor <= promise.at) return true
  // It would still run at the promised time: it may use what the head does not need then.
  const after = clone(pool)
  const own = after.hosts.find(({ id }) => id === host.id) as HostState
  take(request, own, after, now)
  return fitsAt(head, own, after.holdings, promise.at)
}

function reservationOf(request: Request, pool: Pool, now: number): Reservation | undefined {
  const starts = pool.hosts
    .filter((host) => couldHold(request, host))
    .map((host) => ({ hostId: host.id, at: startOn(request, host, pool.holdings, now) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .slice(0, request.nodes)
  const last = starts[request.nodes - 1]
  if (!last) return undefined
  return { hostIds: starts.map(({ hostId }) => hostId), at: Number.isFinite(last.at) ? last.at : null }
}

/** The first end of a holding after which the request fits on this host. */
function startOn(request: Request, host: HostState, holdings: readonly Holding[], now: number): number | null {
  const ends = holdings
    .filter((held) => held.hostId === host.id && held.endsBy !== null)
    .map((held) => held.endsBy as number)
  for (const at of [now, ...ends.sort((a, b) => a - b)])
    if (fitsAt(request, host, holdings, at)) return Math.max(now, at)
  return null
}

function fitsAt(request: Request, host: HostState, holdings: readonly Holding[], at: number): boolean {
  return fitsWith(
    request,
    host,
    holdings.filter((held) => held.endsBy === null || held.endsBy > at),
  )
}

/** Whether a request fits on a host where only these still hold what they hold. */
export function fitsWith(request: Request, host: HostState, holdings: readonly Holding[]): boolean {
  const still = holdings.filter((held) => held.hostId === host.id)
  const ids = new Set(still.map((held) => held.id))
  const free = host.devices.filter((device) => device.heldBy === null || !ids.has(device.heldBy))
  const { cpus, memoryBytes } = unused(host, still)
  return fits(request, free, cpus, memoryBytes)
}

function fits(request: Request, devices: readonly { model: string }[], cpus: number, memoryBytes: number): boolean {
  if ((request.cpus ?? 0) > cpus || (request.memoryBytes ?? 0) > memoryBytes) return false
  return devices.filter((device) => matches(device, request)).length >= request.devices
}

function unused(host: HostState, holdings: readonly Holding[]): { cpus: number; memoryBytes: number } {
  const own = holdings.filter((held) => held.hostId === host.id)
  return {
    cpus: host.cpus - own.reduce((sum, held) => sum + held.cpus, 0),
    memoryBytes: host.memoryBytes - own.reduce((sum, held) => sum + held.memoryBytes, 0),
  }
}

/** `H200` fits `NVIDIA H200 141GB`; case does not matter. */
function matches(device: { model: string }, { gpuType }: Request): boolean {
  return gpuType === null || device.model.toLowerCase().includes(gpuType.toLowerCase())
}

interface MutablePool {
  hosts: HostState[]
  holdings: Holding[]
}

function clone({ hosts, holdings }: Pool): MutablePool {
  return {
    hosts: hosts.map((host) => ({ ...host, devices: host.devices.map((device) => ({ ...device })) })),
    holdings: [...holdings],
  }
}
