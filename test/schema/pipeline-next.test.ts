import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inOrder } from '../../src/schema/graph.js'
import type { MemberState } from '../../src/schema/group.js'
import {
  type Decision,
  type MemberFacts,
  nextOfPipeline,
  type StepNode,
  stepOf,
} from '../../src/schema/pipeline-next.js'

const NONE = new Map<string, number>()
const member = (key: string, state: MemberState = 'waiting', reason: string | null = null): MemberFacts => ({
  key,
  state,
  reason,
  look_at: null,
})
const node = (name: string, needs: string[] = [], more: Partial<StepNode> = {}): StepNode => ({
  name,
  kind: 'job',
  needs,
  ...more,
})

interface World {
  nodes: StepNode[]
  members: MemberFacts[]
  metrics: Map<string, number | undefined>
  began: string[]
  notes: Map<string, string>
}

/** One look, carried out as the store does. */
function look(world: World, now: number): Decision {
  const decision = nextOfPipeline(world.nodes, world.members, world.metrics, now)
  for (const ref of decision.wants) world.metrics.set(`${ref.step}\n${ref.name}\n${ref.which}`, 0.5)
  if (decision.wants.length > 0) return look(world, now)
  for (const action of decision.actions) {
    const one = world.members.find(({ key }) => key === action.key) as MemberFacts
    if (action.do === 'skip') Object.assign(one, { state: 'skipped', reason: 'skipped' })
    if (action.do === 'skip') world.notes.set(one.key, action.note)
    if (action.do === 'ask') one.look_at = action.until
    if (action.do === 'answer') Object.assign(one, { state: action.isApproved ? 'completed' : 'failed', look_at: null })
    if (action.do === 'submit' || action.do === 'promote') {
      world.began.push(one.key)
      one.state = 'running'
    }
  }
  return decision
}

const CONDITIONS = [
  undefined,
  undefined,
  'always()',
  'failure()',
  'success()',
  "steps.NEED.outcome == 'completed'",
  "steps.NEED.state != 'failed'",
  'steps.NEED.metrics.loss < 0.4',
  'steps.NEED.metrics.loss < 0.6',
]

const graphs = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 3 }),
      kind: fc.constantFrom('job' as const, 'job' as const, 'job' as const, 'approve' as const, 'promote' as const),
      fan: fc.nat({ max: 3 }),
      when: fc.constantFrom(...CONDITIONS),
      bears: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => {
    const nodes = parts.map(({ needs, kind, when, bears }, i): StepNode => {
      const names = i === 0 ? [] : [...new Set(needs.map((n) => `s${n % i}`))]
      const condition = names.length > 0 ? when?.replace('NEED', names[0] as string) : undefined
      return {
        ...node(`s${i}`, names, kind === 'approve' ? { timeout: 10, onTimeout: 'deny' } : {}),
        kind,
        ...(condition ? { when: condition } : {}),
        ...(bears ? { continueOnFailure: true as const } : {}),
      }
    })
    const members = parts.flatMap(({ fan, kind }, i) =>
      kind === 'job' && fan > 1 ? Array.from({ length: fan }, (_, n) => member(`s${i}.${n}`)) : [member(`s${i}`)],
    )
    return { nodes, members }
  })

describe('what a pipeline does next', () => {
  test('whatever the graph and however its jobs end: no step before its needs are over, none twice, and it ends', () => {
    fc.assert(
      fc.property(graphs, fc.array(fc.nat(), { minLength: 60, maxLength: 60 }), ({ nodes, members }, choices) => {
        const world: World = { nodes, members, metrics: new Map(), began: [], notes: new Map() }
        const over = (step: string) =>
          members
            .filter(({ key }) => stepOf(key) === step)
            .every(({ state }) => !['waiting', 'running'].includes(state))
        let outcome: ReturnType<typeof look>['outcome']
        for (let now = 0; outcome === undefined; now += 1) {
          expect(now).toBeLessThan(400)
          const begunBefore = world.began.length
          const states = new Map(members.map(({ key, state }) => [key, state]))
          const decision = look(world, now)
          for (const key of world.began.slice(begunBefore)) {
            expect(states.get(key)).toBe('waiting')
            const { needs } = nodes.find(({ name }) => name === stepOf(key)) as StepNode
            for (const need of needs) expect(over(need)).toBe(true)
          }
          outcome = decision.outcome
          const running = members.filter(({ state }) => state === 'running')
          const one = running[(choices[now % choices.length] as number) % Math.max(1, running.length)]
          const isWell = (choices[(now * 7) % choices.length] as number) % 3 > 0
          if (one)
            Object.assign(
              one,
              isWell ? { state: 'completed', reason: 'completed' } : { state: 'failed', reason: 'process_failed' },
            )
          if (!one && decision.actions.length === 0 && decision.wants.length === 0 && outcome === undefined)
            expect(members.some(({ look_at }) => look_at !== null)).toBe(true) // only a gate may make it wait
        }
        expect(new Set(world.began).size).toBe(world.began.length)
        for (const { key, state } of members) {
          expect(['completed', 'failed', 'skipped']).toContain(state)
          if (state === 'skipped') expect(world.notes.get(key)).toMatch(/failed: |was skipped|not so: /)
        }
        const unborne = members.some(
          ({ key, state }) => state === 'failed' && !nodes.find(({ name }) => name === stepOf(key))?.continueOnFailure,
        )
        expect(outcome.reason).toBe(unborne ? 'failed' : 'completed')
      }),
      { numRuns: 2_000 },
    )
  })

  test('a failed step skips everything behind it in one look, each with the reason', () => {
    const nodes = [node('a'), node('b', ['a']), node('c', ['b']), node('d')]
    const members = [member('a', 'failed', 'out_of_memory'), member('b'), member('c'), member('d', 'completed')]
    expect(nextOfPipeline(nodes, members, NONE, 0)).toMatchObject({
      actions: [
        { do: 'skip', key: 'b', note: 'a failed: out_of_memory' },
        { do: 'skip', key: 'c', note: 'b was skipped' },
      ],
      outcome: { reason: 'failed', message: 'Failed: a (out_of_memory); 2 skipped.' },
    })
  })

  test('a step that is to run whatever happened runs, and the pipeline has still failed', () => {
    const nodes = [node('a'), node('b', ['a']), node('tidy', ['b'], { when: 'failure()' })]
    const members = [member('a', 'failed', 'process_failed'), member('b'), member('tidy')]
    const { actions } = nextOfPipeline(nodes, members, NONE, 0)
    expect(actions).toMatchObject([
      { do: 'skip', key: 'b' },
      { do: 'submit', key: 'tidy' },
    ])
    const end = [members[0] as MemberFacts, member('b', 'skipped'), member('tidy', 'completed', 'completed')]
    expect(nextOfPipeline(nodes, end, NONE, 0).outcome?.reason).toBe('failed')
  })

  test('a condition on a metric asks for it, then holds or says what was seen', () => {
    const when = 'steps.a.metrics.accuracy >= 0.9'
    const nodes = [node('a'), node('b', ['a'], { when })]
    const members = [member('a', 'completed', 'completed'), member('b')]
    expect(nextOfPipeline(nodes, members, NONE, 0)).toMatchObject({
      actions: [],
      wants: [{ step: 'a', name: 'accuracy', which: 'last' }],
    })
    const withValue = (value: number | undefined) =>
      nextOfPipeline(nodes, members, new Map([['a\naccuracy\nlast', value]]), 0).actions
    expect(withValue(0.93)).toEqual([{ do: 'submit', key: 'b' }])
    expect(withValue(0.87)).toEqual([{ do: 'skip', key: 'b', note: `not so: ${when} (accuracy of a is 0.87)` }])
    expect(withValue(undefined)).toEqual([
      { do: 'skip', key: 'b', note: `not so: ${when} (a has not reported accuracy)` },
    ])
  })

  test('a join waits for every item of a fan-out, and one that failed is named', () => {
    const nodes = [node('train'), node('join', ['train'])]
    const at = (state: MemberState) => [
      member('train.a', 'failed', 'stalled'),
      member('train.b', state),
      member('join'),
    ]
    expect(nextOfPipeline(nodes, at('running'), NONE, 0).actions).toEqual([])
    expect(nextOfPipeline(nodes, at('completed'), NONE, 0).actions).toEqual([
      { do: 'skip', key: 'join', note: 'train.a failed: stalled' },
    ])
    const borne = [node('train', [], { continueOnFailure: true }), node('join', ['train'])]
    expect(nextOfPipeline(borne, at('completed'), NONE, 0).actions).toEqual([{ do: 'submit', key: 'join' }])
  })

  test('a gate asks once, waits until its limit, and is answered by it', () => {
    const nodes = [node('gate', [], { kind: 'approve', timeout: 100, onTimeout: 'approve' })]
    const gate = member('gate')
    expect(nextOfPipeline(nodes, [gate], NONE, 5)).toMatchObject({ actions: [{ do: 'ask', until: 105 }], until: 105 })
    gate.look_at = 105
    expect(nextOfPipeline(nodes, [gate], NONE, 104)).toMatchObject({ actions: [], until: 105 })
    expect(nextOfPipeline(nodes, [gate], NONE, 105)).toMatchObject({ actions: [{ do: 'answer', isApproved: true }] })
  })

  test('a chain of 5,000 steps behind a failed one is skipped without a deep stack', () => {
    const nodes = Array.from({ length: 5_000 }, (_, i) => node(`s${i}`, i === 0 ? [] : [`s${i - 1}`]))
    const members = nodes.map(({ name }, i) => (i === 0 ? member(name, 'failed', 'process_failed') : member(name)))
    expect(nextOfPipeline(nodes, members, NONE, 0).actions).toHaveLength(4_999)
  })
})

describe('the order of a graph', () => {
  test('each node stands behind those that it needs, and a cycle is named in full', () => {
    const named = (name: string, ...needs: string[]) => ({ name, needs })
    expect(inOrder([named('c', 'b', 'a'), named('b', 'a'), named('a')])).toEqual({
      order: [named('a'), named('b', 'a'), named('c', 'b', 'a')],
    })
    expect(inOrder([named('a', 'b'), named('b', 'c'), named('c', 'a'), named('d', 'a'), named('e')])).toEqual({
      cycle: ['a', 'b', 'c', 'a'],
    })
    expect(inOrder([named('a', 'a')])).toEqual({ cycle: ['a', 'a'] })
  })
})
