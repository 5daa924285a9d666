import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allocate,
  canEverRun,
  type Holding,
  type HostState,
  type Place,
  type Request,
} from '../../src/schema/allocate.js'
import { chooseVictims } from '../../src/schema/preempt.js'

const NOW = 1_000_000
const GB = 1e9

function host(id: string, devices: number, more: Partial<HostState> & { model?: string } = {}): HostState {
  const model = more.model ?? 'CPU slot'
  const list = Array.from({ length: devices }, (_, i) => ({ id: `${id}/${i}`, model, heldBy: null }))
  return { id, devices: list, cpus: 16, memoryBytes: 64 * GB, ...more }
}

function ask(id: string, devices: number, more: Partial<Request> = {}): Request {
  return { id, nodes: 1, devices, gpuType: null, cpus: null, memoryBytes: null, holdsFor: null, ...more }
}

/** Lets a holding take the first free devices of its host. */
function held(hosts: HostState[], hostId: string, id: string, devices: number, endsBy: number | null): Holding {
  const free = (hosts.find((one) => one.id === hostId) as HostState).devices.filter((device) => device.heldBy === null)
  for (const device of free.slice(0, devices)) device.heldBy = id
  return { id, hostId, cpus: 0, memoryBytes: 0, endsBy }
}

const grant = (waiting: Request[], hosts: HostState[], holdings: Holding[] = []) =>
  allocate(waiting, { hosts, holdings }, NOW).map(
    ({ id, places }) => `${id}@${places.map((it) => it.hostId).join('+')}`,
  )

describe('placing', () => {
  test('several devices are granted all on one host or not at all', () => {
    expect(grant([ask('a', 3)], [host('x', 2), host('y', 2)])).toEqual([])
    expect(grant([ask('a', 2)], [host('x', 1), host('y', 2)])).toEqual(['a@y'])
  })
  test('the host that fits most tightly is taken, so that large blocks stay whole', () => {
    expect(grant([ask('a', 1)], [host('x', 4), host('y', 1)])).toEqual(['a@y'])
  })
  test('a GPU type is respected', () => {
    const hosts = [host('x', 1, { model: 'NVIDIA A100' }), host('y', 1, { model: 'NVIDIA H200' })]
    expect(grant([ask('a', 1, { gpuType: 'h200' })], hosts)).toEqual(['a@y'])
  })
  test('CPUs and memory are counted, those of earlier grants too', () => {
    const two = [ask('a', 1, { cpus: 10 }), ask('b', 1, { cpus: 10 })]
    expect(grant(two, [host('x', 4)])).toEqual(['a@x'])
    const large = [ask('a', 1, { memoryBytes: 40 * GB }), ask('b', 1, { memoryBytes: 20 * GB })]
    expect(grant(large, [host('x', 4)])).toEqual(['a@x', 'b@x'])
  })
})

describe('several nodes', () => {
  const four = () => [host('x', 2), host('y', 2), host('z', 2), host('w', 1)]
  test('are granted on as many different hosts, or not at all', () => {
    expect(grant([ask('a', 2, { nodes: 3 })], four())).toEqual(['a@x+y+z'])
    expect(grant([ask('a', 2, { nodes: 4 })], four())).toEqual([])
    const hosts = four()
    const holding = held(hosts, 'y', 'old', 1, null)
    expect(grant([ask('a', 2, { nodes: 3 })], hosts, [holding])).toEqual([])
    expect(grant([ask('a', 1, { nodes: 3, cpus: 16 })], hosts, [{ ...holding, cpus: 1 }])).toEqual(['a@w+x+z'])
  })
  test('count what each of them takes, on its own host', () => {
    const [x, y, z] = [host('x', 1), host('y', 2), host('z', 2)]
    expect(grant([ask('a', 1, { nodes: 2 }), ask('b', 2)], [x, y, z])).toEqual(['a@x+y', 'b@z'])
  })
  test('are promised a set of hosts, where only those pass who are done in time; the other hosts are free for all with a limit', () => {
    const queue = (holdsFor: number | null) => [ask('big', 2, { nodes: 2 }), ask('small', 1, { holdsFor })]
    const given = (holdsFor: number | null, freeOnThird: number) => {
      const hosts = [host('x', 2), host('y', 2), host('z', 2)]
      const holdings = [held(hosts, 'y', 'a', 1, NOW + 100), held(hosts, 'z', 'b', 2 - freeOnThird, NOW + 200)]
      return grant(queue(holdsFor), hosts, holdings)
    }
    expect(given(100, 0)).toEqual(['small@y'])
    expect(given(101, 0)).toEqual([])
    expect(given(1e9, 1)).toEqual(['small@z'])
    expect(given(null, 1)).toEqual([])
  })
  test('that the pool could never hold stand in nobody’s way', () => {
    expect(grant([ask('huge', 2, { nodes: 4 }), ask('small', 1)], four())).toEqual(['small@w'])
  })
})

describe('passing the head of the queue', () => {
  test('nobody without a run limit passes', () => {
    const hosts = [host('x', 3)]
    const holding = held(hosts, 'x', 'old', 1, NOW + 100)
    expect(grant([ask('big', 3), ask('small', 1)], hosts, [holding])).toEqual([])
  })
  test('nobody passes while it is not known when the head can start', () => {
    const hosts = [host('x', 3)]
    const holding = held(hosts, 'x', 'old', 1, null)
    expect(grant([ask('big', 3), ask('small', 1, { holdsFor: 1 })], hosts, [holding])).toEqual([])
  })
  test('one that is done before the head can start passes, one that is not does not', () => {
    const hosts = () => [host('x', 3)]
    const queue = (holdsFor: number) => [ask('big', 3), ask('small', 1, { holdsFor })]
    const [one, two] = [hosts(), hosts()]
    expect(grant(queue(100), one, [held(one, 'x', 'old', 1, NOW + 100)])).toEqual(['small@x'])
    expect(grant(queue(101), two, [held(two, 'x', 'old', 1, NOW + 100)])).toEqual([])
  })
  test('one that leaves the head enough passes, however long it runs', () => {
    const hosts = [host('x', 4)]
    const holding = held(hosts, 'x', 'old', 2, NOW + 100)
    expect(grant([ask('big', 3), ask('small', 1, { holdsFor: 1e9 })], hosts, [holding])).toEqual(['small@x'])
  })
  test('a host that the head can never use is free for all', () => {
    const hosts = [host('x', 4), host('y', 1)]
    const holding = held(hosts, 'x', 'old', 4, null)
    expect(grant([ask('big', 4), ask('small', 1)], hosts, [holding])).toEqual(['small@y'])
  })
  test('a request that no host could ever hold stands in nobody’s way', () => {
    expect(grant([ask('huge', 9), ask('small', 1)], [host('x', 1)])).toEqual(['small@x'])
  })
})

const request = fc.record({
  nodes: fc.constantFrom(1, 1, 1, 2, 3),
  devices: fc.integer({ min: 1, max: 5 }),
  gpuType: fc.constantFrom(null, 'A100', 'H200'),
  cpus: fc.constantFrom(null, 1, 4, 12),
  holdsFor: fc.option(fc.integer({ min: 1, max: 50 }), { nil: null }),
  overstays: fc.constant(false),
})
const hosts = fc.array(
  fc.record({ devices: fc.integer({ min: 1, max: 4 }), model: fc.constantFrom('NVIDIA A100', 'NVIDIA H200') }),
  { minLength: 1, maxLength: 4 },
)

/** A pool whose clock the test turns: requests come, are granted, and end within what they said. */
class World {
  readonly hosts: HostState[]
  holdings: Holding[] = []
  waiting: Request[] = []
  now = NOW
  /** When the head was promised to start, from the moment that it was the head. */
  promised: { id: string; at: number } | undefined

  constructor(specs: { devices: number; model: string }[]) {
    this.hosts = specs.map(({ devices, model }, i) => host(`h${i}`, devices, { model }))
  }

  allocate(): void {
    for (const given of allocate(this.waiting, { hosts: this.hosts, holdings: this.holdings }, this.now)) {
      const asked = this.waiting.find(({ id }) => id === given.id) as Request
      expect(new Set(given.places.map(({ hostId }) => hostId)).size, 'each rank has a host').toBe(asked.nodes)
      for (const place of given.places) this.hold(asked, place)
      this.waiting = this.waiting.filter(({ id }) => id !== given.id)
    }
    for (const one of this.hosts) {
      const cpus = this.holdings.filter((it) => it.hostId === one.id).reduce((sum, it) => sum + it.cpus, 0)
      expect(cpus).toBeLessThanOrEqual(one.cpus)
    }
    this.notePromise()
  }

  hold(asked: Request, { hostId, deviceIds }: Place): void {
    const own = this.hosts.find(({ id }) => id === hostId) as HostState
    expect(deviceIds).toHaveLength(asked.devices)
    for (const id of deviceIds) {
      const device = own.devices.find((one) => one.id === id)
      expect(device?.heldBy, 'a device that is granted is free').toBeNull()
      expect(asked.gpuType === null || device?.model.includes(asked.gpuType)).toBe(true)
      if (device) device.heldBy = asked.id
    }
    const endsBy = asked.holdsFor === null ? null : this.now + asked.holdsFor
    this.holdings.push({ id: asked.id, hostId, cpus: asked.cpus ?? 0, memoryBytes: 0, endsBy })
  }

  /** The head is never promised a later start than before: nobody who passed has delayed it. */
  notePromise(): void {
    const head = this.waiting.find((one) => canEverRun(one, this.hosts))
    const at = head ? this.latestStart(head) : null
    if (head && at !== null) {
      if (this.promised?.id === head.id) expect(at).toBeLessThanOrEqual(Math.max(this.promised.at, this.now))
      this.promised = { id: head.id, at: Math.min(at, this.promised?.id === head.id ? this.promised.at : at) }
    } else if (this.promised?.id !== head?.id) this.promised = undefined
    else if (head && this.promised) expect(at, 'a promise is not taken back').not.toBeNull()
  }

  /** By trying: the first time at which the head alone would be granted, when all that run leave at their limits. */
  latestStart(head: Request): number | null {
    const ends = this.holdings.flatMap(({ endsBy }) => (endsBy === null ? [] : [endsBy]))
    for (const at of [this.now, ...ends.sort((a, b) => a - b)]) {
      const holdings = this.holdings.filter(({ endsBy }) => endsBy === null || endsBy > at)
      const still = new Set(holdings.map(({ id }) => id))
      const later = this.hosts.map((one) => ({
        ...one,
        devices: one.devices.map((d) => ({ ...d, heldBy: d.heldBy !== null && still.has(d.heldBy) ? d.heldBy : null })),
      }))
      if (allocate([head], { hosts: later, holdings }, at).length > 0) return at
    }
    return null
  }

  /** One rank of several may be done before the others. */
  end(holding: Holding): void {
    this.holdings = this.holdings.filter((one) => one !== holding)
    const own = this.hosts.find(({ id }) => id === holding.hostId) as HostState
    for (const device of own.devices) if (device.heldBy === holding.id) device.heldBy = null
  }
}

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('ask' as const), request }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), by: fc.integer({ min: 1, max: 30 }) }) },
  ),
  { maxLength: 40 },
)

test('in 10,000 random sequences no device is held twice, and nobody who passes delays the head of the queue', () => {
  fc.assert(
    fc.property(hosts, steps, (specs, moves) => {
      const world = new World(specs)
      moves.forEach((move, n) => {
        if (move.kind === 'ask') {
          const { overstays: _, ...asked } = move.request
          world.waiting.push({ id: `r${n}`, memoryBytes: null, ...asked })
        } else if (move.kind === 'end') {
          const one = world.holdings[move.which % Math.max(1, world.holdings.length)]
          if (one) world.end(one)
        } else {
          world.now += move.by
          for (const one of world.holdings) if (one.endsBy !== null && one.endsBy <= world.now) world.end(one)
        }
        world.allocate()
      })
    }),
    { numRuns: 10_000 },
  )
})

describe('preempting', () => {
  const ranked = (
    hosts: HostState[],
    id: string,
    hostId: string,
    priority: number,
    devices = 1,
    isStopping = false,
  ) => ({
    ...held(hosts, hostId, id, devices, null),
    priority,
    grantedAt: Number(id.replace(/\D/g, '')),
    isStopping,
  })
  const head = (devices: number, priority: number) => ({ ...ask('head', devices), priority })

  test('the lowest priority goes first, among equals the youngest, and no more than needed', () => {
    const hosts = [host('x', 3)]
    const holdings = [ranked(hosts, 'a1', 'x', 20), ranked(hosts, 'b2', 'x', 10), ranked(hosts, 'c3', 'x', 10)]
    expect(chooseVictims(head(1, 50), { hosts, holdings })).toEqual(['c3'])
    expect(chooseVictims(head(2, 50), { hosts, holdings })).toEqual(['c3', 'b2'])
    expect(chooseVictims(head(2, 15), { hosts, holdings })).toEqual(['c3', 'b2'])
    expect(chooseVictims(head(3, 15), { hosts, holdings })).toEqual([])
  })
  test('nobody goes for the same priority, nor while enough is stopping already', () => {
    const hosts = [host('x', 2)]
    const holdings = [ranked(hosts, 'a1', 'x', 50), ranked(hosts, 'b2', 'x', 10, 1, true)]
    expect(chooseVictims(head(1, 90), { hosts, holdings })).toEqual([])
    expect(chooseVictims(head(2, 50), { hosts, holdings })).toEqual([])
    expect(chooseVictims(head(2, 51), { hosts, holdings })).toEqual(['a1'])
  })
  test('one large attempt goes rather than it and the small ones that were chosen before it', () => {
    const hosts = [host('x', 4)]
    const holdings = [ranked(hosts, 'a1', 'x', 10), ranked(hosts, 'b2', 'x', 20, 3)]
    expect(chooseVictims(head(3, 50), { hosts, holdings })).toEqual(['b2'])
  })
  test('a head of several nodes takes the hosts that cost least, and an attempt of several nodes counts once', () => {
    const hosts = [host('x', 1), host('y', 1), host('z', 1), host('w', 1)]
    const two = ranked(hosts, 'b2', 'y', 10)
    const holdings = [ranked(hosts, 'a1', 'x', 1), two, { ...two, hostId: 'z' }, ranked(hosts, 'c3', 'w', 1, 1, true)]
    for (const device of hosts[2]?.devices ?? []) device.heldBy = 'b2'
    const wide = (nodes: number) => ({ ...head(1, 50), nodes })
    expect(chooseVictims(wide(1), { hosts, holdings })).toEqual([])
    expect(chooseVictims(wide(2), { hosts, holdings })).toEqual(['a1'])
    expect(chooseVictims(wide(3), { hosts, holdings }), 'a1 is not needed beside b2').toEqual(['b2'])
    expect(chooseVictims(wide(4), { hosts, holdings })).toEqual(['a1', 'b2'])
    expect(chooseVictims({ ...wide(3), priority: 5 }, { hosts, holdings })).toEqual([])
  })
  test('the host that costs the fewest attempts is taken', () => {
    const hosts = [host('x', 2), host('y', 2)]
    const holdings = [ranked(hosts, 'a1', 'x', 1), ranked(hosts, 'b2', 'x', 1), ranked(hosts, 'c3', 'y', 40, 2)]
    expect(chooseVictims(head(2, 50), { hosts, holdings })).toEqual(['c3'])
  })
})
