import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/schema/failure.js'
import { parsePipeline } from '../../src/schema/parse-pipeline.js'
import { parseWhen, WhenError } from '../../src/schema/parse-when.js'
import { holds, type Seen } from '../../src/schema/when.js'

const job = { command: 'true' }
const parse = (steps: object, more: object = {}) => parsePipeline({ name: 'digits', steps, ...more })

function problems(steps: object, more: object = {}): string[] {
  try {
    parse(steps, more)
  } catch (error) {
    return (error as Failure).problems?.map(({ path, message }) => `${path}: ${message}`) ?? [String(error)]
  }
  throw new Error('it was taken')
}

describe('a pipeline file', () => {
  test('becomes jobs with names of their own, in the order of their needs', () => {
    const { nodes, members, total } = parse(
      { b: { ...job, needs: 'a' }, a: { command: ['python', 'prep.py'], env: { X: '1' } } },
      { defaults: { pool: 'gpu', env: { Y: '2' } }, timeouts: { total: '6h' } },
    )
    expect(nodes.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(members.map(({ key, data }) => [key, data.spec?.name, data.spec?.pool, data.spec?.env])).toEqual([
      ['a', 'digits-a', 'gpu', { X: '1', Y: '2' }],
      ['b', 'digits-b', 'gpu', { Y: '2' }],
    ])
    expect(total).toBe(6 * 3_600_000)
  })

  test('fans a step out over words or maps, which stand for {{item}} in its texts', () => {
    const words = parse({
      t: { command: 'train --opt {{item}}', tags: { opt: '{{ item }}' }, forEach: ['adam', 'sgd'] },
    })
    expect(words.members.map(({ key, data }) => [key, data.spec?.name, data.spec?.command])).toEqual([
      ['t.adam', 'digits-t-adam', 'train --opt adam'],
      ['t.sgd', 'digits-t-sgd', 'train --opt sgd'],
    ])
    const maps = parse({
      t: {
        command: 'train {{item.lr}} {{item.deep}}',
        forEach: [
          { lr: 0.1, deep: true },
          { lr: 1, deep: false },
        ],
      },
    })
    expect(maps.members.map(({ key, data }) => [key, data.spec?.command])).toEqual([
      ['t.0', 'train 0.1 true'],
      ['t.1', 'train 1 false'],
    ])
  })

  test('inputs and promotions are needs', () => {
    const { nodes } = parse({
      train: { ...job, inputs: { data: { step: 'prep' } } },
      prep: job,
      best: { promote: { step: 'train', path: 'model', as: 'digits:best' } },
    })
    expect(nodes.map(({ name, needs }) => [name, needs])).toEqual([
      ['prep', []],
      ['train', ['prep']],
      ['best', ['train']],
    ])
  })

  test.each<[string, object, string[], object?]>([
    [
      'a cycle is named in full',
      { a: { ...job, needs: ['b'] }, b: { ...job, needs: ['c'] }, c: { ...job, needs: ['a'] } },
      ['steps.a.needs: is part of a cycle: a → b → c → a'],
    ],
    ['a step that needs itself', { a: { ...job, needs: 'a' } }, ['steps.a.needs: is part of a cycle: a → a']],
    [
      'an unknown step',
      { prepare: job, b: { ...job, needs: ['prepair'] } },
      ['steps.b.needs[0]: there is no step prepair; did you mean prepare?'],
    ],
    ['an unknown field', { a: { ...job, need: 'b' } }, ['steps.a.need: unknown key; did you mean needs?']],
    [
      'several at once',
      { a: { ...job, priority: 'high' }, b: {} },
      ['steps.a.priority: Invalid input: expected number, received string', 'steps.b.command: is required'],
    ],
    [
      'a value deep inside',
      { a: { ...job, retry: { maxAttempts: 0 } } },
      ['steps.a.retry.maxAttempts: Too small: expected number to be >=1'],
    ],
    [
      'a wrong default once, where it stands',
      { a: job, b: job },
      ['defaults.pool: expected 1–63 of a–z, 0–9, dot, dash, underscore, beginning and ending with a letter or digit'],
      { defaults: { pool: 'A B' } },
    ],
    [
      'a default that is none',
      { a: job },
      ['defaults.needs: is said by each step for itself', 'defaults.poool: unknown key; did you mean pool?'],
      { defaults: { needs: 'b', poool: 'x' } },
    ],
    ['no step', {}, ['steps: has no step']],
    [
      'a name with a dot',
      { 'a.b': job },
      [
        'steps.a.b: expected 1–63 of a–z, 0–9, dash, underscore, beginning with a letter and ending with a letter or digit',
      ],
    ],
    ['a step that is no map', { a: 'true' }, ['steps.a: expected the fields of a step']],
    ['job fields on a gate', { a: { approve: {}, command: 'true' } }, ['steps.a.command: unknown key']],
    [
      'a condition on a step that is not before',
      { a: job, b: { ...job, when: "steps.a.state == 'completed'" } },
      ['steps.b.when: a is not before this step; add it to needs'],
    ],
    [
      'a condition on no step',
      { prep: job, b: { ...job, needs: 'prep', when: 'steps.prap.metrics.x > 1' } },
      ['steps.b.when: there is no step prap; did you mean prep?'],
    ],
    [
      'a condition that cannot be read',
      { a: { ...job, when: 'always() and so on' } },
      ['steps.a.when: at character 10: expected the end, && or ||, found "and"'],
    ],
    [
      'an outcome that never is',
      { a: job, b: { ...job, needs: 'a', when: "steps.a.outcome == 'failed'" } },
      ['steps.b.when: at character 1: outcome is never "failed"; did you mean steps.a.state?'],
    ],
    [
      'types that do not fit',
      { a: job, b: { ...job, needs: 'a', when: 'steps.a.outcome >= 0.9' } },
      ['steps.b.when: at character 1: compares a text with a number'],
    ],
    [
      'a metric of a fan-out',
      { a: { ...job, forEach: [1, 2] }, b: { ...job, needs: 'a', when: 'steps.a.metrics.x > 1' } },
      ['steps.b.when: a is fanned out, so a metric of it is not one number'],
    ],
    [
      'an item twice',
      { a: { command: '{{item}}', forEach: ['x', 'y', 'x'] } },
      ['steps.a.forEach[2]: stands there twice'],
    ],
    [
      'an item without a list',
      { a: { command: 'run {{item}}' } },
      ['steps.a: {{item}} has no value here: has no forEach'],
    ],
    [
      'a key that an item does not have',
      { a: { command: 'run {{item.lr}}', forEach: [{ x: 1 }] } },
      ['steps.a: {{item.lr}} has no value here: its item is {"x":1}'],
    ],
    [
      'a list from a file',
      { a: { ...job, forEach: { step: 'p', file: 'x.json' } } },
      ['steps.a.forEach.path: is required', 'steps.a.forEach.file: unknown key'],
    ],
    [
      'an output of a gate',
      { g: { approve: {} }, a: { ...job, inputs: { d: { step: 'g' } } } },
      ['steps.a.inputs.d.step: g runs no job, so it has no outputs'],
    ],
    [
      'a name that grows too long',
      { [`a${'b'.repeat(60)}`]: job },
      [
        `steps.a${'b'.repeat(60)}: its job would be called digits-a${'b'.repeat(60)}, which has 68 characters; at most 63`,
      ],
    ],
    [
      'a gate without end',
      { a: { approve: { timeout: 'soon' } } },
      ['steps.a.approve.timeout: expected a duration above zero, such as 90s, 2h or 3d'],
    ],
    ['a frame that does not fit', { a: job }, ['timeout: unknown key; did you mean timeouts?'], { timeout: '1h' }],
  ])('refuses %s', (_, steps, expected, more = {}) => {
    expect(problems(steps, more)).toEqual(expected)
  })

  test('refuses names that every object has, and steps that are none, without a stumble', () => {
    expect(problems({ a: { ...job, needs: ['constructor'] } })).toEqual([
      'steps.a.needs[0]: there is no step constructor',
    ])
    const inputs = { d: { step: 'a' } }
    expect(problems({ a: null, b: { ...job, inputs, when: 'steps.a.metrics.x > 1' } })).toEqual([
      'steps.a: expected the fields of a step',
    ])
  })

  test('whatever is sent, it is taken or refused with paths', () => {
    const word = fc.constantFrom('a', 'b', 'constructor', 'always()', 'steps.a.metrics.x > 1', '{{item}}', '2h', '')
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, word, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('map')),
      list: fc.array(tie('any'), { maxLength: 3 }),
      map: fc.dictionary(
        fc.constantFrom(
          'a',
          'b',
          'step',
          'needs',
          'when',
          'command',
          'forEach',
          'inputs',
          'approve',
          'promote',
          'env',
          'cache',
        ),
        tie('any'),
        { maxKeys: 6 },
      ),
    })).map
    fc.assert(
      fc.property(fc.record({ name: word, steps: value, defaults: value }), (input) => {
        try {
          expect(parsePipeline(input).nodes.length).toBeGreaterThan(0)
        } catch (error) {
          expect((error as Failure).code).toBe('invalid_spec')
          expect((error as Failure).problems?.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('refuses too many steps and too wide fan-outs', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, job]))
    expect(problems(many(5_001))).toEqual(['steps: 5001 steps; at most 5000'])
    const wide = { ...job, forEach: Array.from({ length: 6_000 }, (_, i) => i) }
    expect(problems({ a: wide, b: wide })).toEqual(['steps: 12000 steps with its fan-outs; at most 10000'])
  })
})

describe('a condition', () => {
  const seen: Seen = {
    success: false,
    failure: true,
    outcome: (step) => (step === 'a' ? 'completed' : 'stalled'),
    state: (step) => (step === 'a' ? 'completed' : 'failed'),
    metric: ({ name, which }) => (name === 'acc' ? { last: 0.9, min: 0.1, max: 0.95 }[which] : undefined),
  }

  test.each<[string, boolean]>([
    ['always()', true],
    ['success()', false],
    ['failure() && always()', true],
    ['!failure()', false],
    ["steps.a.outcome == 'completed'", true],
    ['steps.b.outcome != "stalled"', false],
    ["steps.b.state == 'failed' || success()", true],
    ['steps.a.metrics.acc >= 0.9', true],
    ['steps.a.metrics.acc.max > 0.94 && steps.a.metrics.acc.min < .5', true],
    ["steps.a.metrics['acc'] == 9e-1", true],
    ['steps.a.metrics.other >= 0', false],
    ['!(steps.a.metrics.other >= 0)', true],
    ['success() && success() || always()', true],
    ['success() && (success() || always())', false],
  ])('%s', (text, expected) => {
    if (text.includes('< .5')) expect(() => parseWhen(text)).toThrow(WhenError)
    else expect(holds(parseWhen(text), seen)).toBe(expected)
  })

  test('whatever is written, it is read or refused with a place in it', () => {
    const part = fc.constantFrom(
      'steps',
      '.',
      'a',
      'metrics',
      'x',
      '>=',
      '0.9',
      '(',
      ')',
      '!',
      '&&',
      '||',
      "'t'",
      'always()',
      ' ',
      '[',
      ']',
      '$',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            expect(typeof holds(parseWhen(text), seen)).toBe('boolean')
          } catch (error) {
            expect(error).toBeInstanceOf(WhenError)
            expect((error as WhenError).at).toBeGreaterThanOrEqual(1)
          }
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test('brackets and negations without end are refused', () => {
    expect(() => parseWhen(`${'!'.repeat(500)}always()`)).toThrow(/nested/)
    expect(() => parseWhen(`${'('.repeat(500)}always()`)).toThrow(/nested/)
    expect(() => parseWhen('always() || '.repeat(100))).toThrow(/characters/)
  })
})
