import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocate, type Gate, type HostState, type Request } from '../../src/schema/allocate.js'
import { applies, type Claim, type Quota, QuotaTally } from '../../src/schema/quota.js'

const most = fc.option(fc.integer({ min: 0, max: 5 }), { nil: null })
const quotas = fc.array(
  fc.record<Quota>({
    project: fc.constantFrom('vision', 'speech'),
    user: fc.constantFrom(null, 'ada', 'bob'),
    pool: fc.constantFrom(null, 'a100', 'other'),
    devices: most,
    running: most,
  }),
  { maxLength: 4 },
)
const claim = (pool: fc.Arbitrary<string>) =>
  fc.record<Claim>({
    project: fc.constantFrom('vision', 'speech', 'free'),
    user: fc.constantFrom('ada', 'bob', 'eve'),
    pool,
    devices: fc.integer({ min: 1, max: 4 }),
  })
const world = fc.record({
  quotas,
  held: fc.array(claim(fc.constantFrom('a100', 'other')), { maxLength: 4 }),
  waiting: fc.array(fc.tuple(claim(fc.constant('a100')), fc.option(fc.nat(50), { nil: null })), { maxLength: 12 }),
  sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
})

const hostsOf = (sizes: number[]): HostState[] =>
  sizes.map((size, h) => ({
    id: `h${h}`,
    cpus: 100,
    memoryBytes: 1e12,
    devices: Array.from({ length: size }, (_, i) => ({ id: `h${h}-${i}`, model: 'A100', heldBy: null })),
  }))

/** One pass of the allocator with quotas, and who was kept out when it was their turn. */
function pass({ quotas, held, waiting, sizes }: typeof world extends fc.Arbitrary<infer T> ? T : never) {
  const requests: Request[] = waiting.map(([{ devices }, holdsFor], i) => ({
    id: `r${i}`,
    nodes: 1,
    devices,
    gpuType: null,
    cpus: null,
    memoryBytes: null,
    holdsFor,
  }))
  const claims = new Map(waiting.map(([claim], i) => [`r${i}`, claim]))
  const tally = new QuotaTally(quotas, held)
  const keptOut = new Set<string>()
  const gate: Gate = {
    isOpen({ id }) {
      const isOpen = !tally.heldBack(claims.get(id) as Claim)
      if (!isOpen) keptOut.add(id)
      return isOpen
    },
    granted: ({ id }) => tally.add(claims.get(id) as Claim),
  }
  const pool = { hosts: hostsOf(sizes), holdings: [] }
  return { grants: allocate(requests, pool, 0, gate), requests, claims, keptOut, pool }
}

test('in one pass nobody is granted beyond a quota, however many of a project wait', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { grants, claims } = pass(given)
      const granted = grants.map(({ id }) => claims.get(id) as Claim)
      for (const quota of given.quotas) {
        const before = given.held.filter((one) => applies(quota, one))
        const mine = granted.filter((one) => applies(quota, one))
        if (mine.length === 0) continue
        const all = [...before, ...mine]
        if (quota.running !== null) expect(all.length).toBeLessThanOrEqual(quota.running)
        if (quota.devices !== null)
          expect(all.reduce((sum, one) => sum + one.devices, 0)).toBeLessThanOrEqual(quota.devices)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('who is kept out by a quota changes nothing for the others: they are granted as if the queue were without them', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { grants, requests, keptOut, pool } = pass(given)
      const others = requests.filter(({ id }) => !keptOut.has(id))
      expect(grants).toEqual(allocate(others, pool, 0))
    }),
    { numRuns: 5_000 },
  )
})

test('nobody is kept out who would stay within every quota, and nobody of whom no quota speaks', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { grants, claims, keptOut } = pass(given)
      const all = [...given.held, ...grants.map(({ id }) => claims.get(id) as Claim)]
      for (const id of keptOut) {
        const mine = claims.get(id) as Claim
        const passes = given.quotas.some((quota) => {
          const held = all.filter((one) => applies(quota, one))
          const devices = held.reduce((sum, one) => sum + one.devices, 0)
          const isOver = (used: number, max: number | null) => max !== null && used > max
          return (
            applies(quota, mine) &&
            (isOver(held.length + 1, quota.running) || isOver(devices + mine.devices, quota.devices))
          )
        })
        expect(passes).toBe(true)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('the bounds that leave requests out of the queue are those by which they would be held back', () => {
  fc.assert(
    fc.property(quotas, fc.array(claim(fc.constant('a100'))), claim(fc.constant('a100')), (all, held, one) => {
      const mine = all.filter(({ pool }) => pool !== 'other')
      const tally = new QuotaTally(mine, held)
      const isLeftOut = tally.bounds().some(({ quota, devices }) => applies(quota, one) && one.devices > devices)
      expect(isLeftOut).toBe(tally.heldBack(one) !== undefined)
    }),
  )
})
