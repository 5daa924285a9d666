import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isKept, rungsOf } from '../../src/schema/halving.js'
import { ArraySpec, SweepSpec } from '../../src/schema/sweep.js'
import { draw, fraction, tasksOf, trialsOf } from '../../src/schema/sweep-draw.js'
import { problemsOfArray, problemsOfSweep } from '../../src/schema/sweep-problems.js'
import { jobOfTrial } from '../../src/schema/sweep-template.js'

const job = { command: 'python train.py --lr {{lr}}' }
const sweep = (more: object) => SweepSpec.parse({ name: 's', method: 'random', trials: 4, job, ...more })
const lr = { min: 1e-5, max: 1e-1, scale: 'log' as const }

describe('the trials of a sweep', () => {
  test('a grid has every combination once, the last parameter changing fastest', () => {
    const grid = { lr: [0.1, 0.01], layers: { min: 2, max: 6, step: 2 } }
    const trials = trialsOf(sweep({ method: 'grid', trials: undefined, parameters: grid }))
    expect(trials.map(({ parameters }) => Object.values(parameters))).toEqual([
      [0.1, 2],
      [0.1, 4],
      [0.1, 6],
      [0.01, 2],
      [0.01, 4],
      [0.01, 6],
    ])
    expect(trials.map(({ key }) => key)).toEqual(['1', '2', '3', '4', '5', '6'])
  })

  test('what is drawn is written down here, so that no later version draws otherwise', () => {
    const drawn = trialsOf(
      sweep({ seed: 7, parameters: { lr, depth: { min: 1, max: 9, step: 1 }, act: ['relu', 'gelu'] } }),
    )
    expect(drawn.map(({ parameters }) => parameters)).toMatchInlineSnapshot(`
      [
        {
          "act": "gelu",
          "depth": 8,
          "lr": 0.0201770579832,
        },
        {
          "act": "relu",
          "depth": 2,
          "lr": 0.00640566912024,
        },
        {
          "act": "gelu",
          "depth": 4,
          "lr": 0.000163662139985,
        },
        {
          "act": "relu",
          "depth": 7,
          "lr": 0.0153643797965,
        },
      ]
    `)
  })

  test('more trials, or one more parameter, leave those that there were as they were', () => {
    const few = trialsOf(sweep({ seed: 3, parameters: { lr } }))
    const more = trialsOf(sweep({ seed: 3, trials: 9, parameters: { wd: lr, lr } }))
    expect(more.slice(0, 4).map(({ parameters }) => parameters.lr)).toEqual(few.map(({ parameters }) => parameters.lr))
    expect(trialsOf(sweep({ seed: 4, parameters: { lr } }))).not.toEqual(few)
  })

  test('every draw lies in its range, on its steps, and spreads evenly over the scale', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 1, max: 50 }),
        (seed, trial, size) => {
          const at = fraction(seed, trial, 'p')
          const linear = draw({ min: -size, max: size, scale: 'linear' }, at) as number
          const stepped = draw({ min: 0, max: size, step: 1, scale: 'linear' }, at) as number
          const log = draw({ min: 1e-6, max: size, scale: 'log' }, at) as number
          expect(linear).toBeGreaterThanOrEqual(-size)
          expect(linear).toBeLessThan(size)
          expect(Number.isInteger(stepped) && stepped >= 0 && stepped <= size).toBe(true)
          expect(log).toBeGreaterThanOrEqual(1e-6)
          expect(log).toBeLessThanOrEqual(size)
        },
      ),
    )
    const below = (limit: number) =>
      trialsOf(sweep({ trials: 4000, parameters: { lr } })).filter(
        ({ parameters }) => (parameters.lr as number) < limit,
      )
    for (const [limit, part] of [
      [1e-4, 0.25],
      [1e-3, 0.5],
      [1e-2, 0.75],
    ] as const)
      expect(Math.abs(below(limit).length / 4000 - part)).toBeLessThan(0.03)
  })

  test('an array has the indexes of its size, its range or its items', () => {
    const keys = (more: object) => tasksOf(ArraySpec.parse({ name: 'a', job, ...more })).map(({ key }) => key)
    expect(keys({ size: 3 })).toEqual(['0', '1', '2'])
    expect(keys({ range: { from: 10, to: 20, step: 4 } })).toEqual(['10', '14', '18'])
    expect(keys({ items: ['x', 'y'] })).toEqual(['0', '1'])
  })
})

describe('the job of a trial', () => {
  const plan = { method: 'random' as const, name: 'lr', size: 4, job: {} }

  test('has the parameters in its words, its environment and its name', () => {
    const spec = { command: ['train', '--lr={{ lr }}'], env: { A: 'b{{lr}}' }, tags: { lr: '{{lr}}' } }
    expect(jobOfTrial({ ...plan, job: spec }, '12', { parameters: { lr: 0.01 } })).toEqual({
      name: 'lr-12',
      command: ['train', '--lr=0.01'],
      tags: { lr: '0.01' },
      env: { A: 'b0.01', ANNEAL_TRIAL: '12', ANNEAL_PARAMS: '{"lr":0.01}', ANNEAL_PARAM_LR: '0.01' },
    })
  })

  test('takes a placeholder that is all of a string as the value itself where no text is wanted', () => {
    const spec = { command: '{{n}}', env: { N: '{{n}}' }, resources: { gpus: '{{n}}' } }
    expect(jobOfTrial({ ...plan, job: spec }, '1', { parameters: { n: 2 } })).toMatchObject({
      command: '2',
      env: { N: '2' },
      resources: { gpus: 2 },
    })
  })

  test('of an array has the index or the item for {}; in a line for the shell an item stays one word', () => {
    const of = (command: unknown, parameters: { index: number; item?: string }) =>
      jobOfTrial({ ...plan, method: 'array', job: { command } }, String(parameters.index), { parameters })
    expect(of(['t', 'n{}', '{}'], { index: 7 })).toMatchObject({
      command: ['t', 'n7', '7'],
      env: { ANNEAL_ARRAY_INDEX: '7', ANNEAL_ARRAY_SIZE: '4' },
    })
    const item = "it's; rm -rf $HOME"
    expect(of('echo {} | cat', { index: 0, item }).command).toBe(`echo 'it'\\''s; rm -rf $HOME' | cat`)
    expect(of(['echo', '{}'], { index: 0, item })).toMatchObject({
      command: ['echo', item],
      env: { ANNEAL_ARRAY_ITEM: item },
    })
  })

  test('keeps its number however long the name of the sweep is', () => {
    const long = `${'a'.repeat(60)}..b`
    expect(jobOfTrial({ ...plan, name: long }, '12345', { parameters: {} }).name).toBe(`${'a'.repeat(57)}-12345`)
  })
})

describe('what is wrong with a sweep is said with its place', () => {
  const asha = { method: 'asha', metric: { name: 'loss', goal: 'min' }, parameters: { lr } }
  test.each([
    [{ parameters: { lr: { min: 1, max: 1 } } }, 'parameters.lr.min', /not below max/],
    [{ parameters: { lr: { min: 0, max: 1, scale: 'log' } } }, 'parameters.lr.min', /no logarithm/],
    [{ parameters: { lr: { ...lr, step: 1 } } }, 'parameters.lr.step', /no meaning/],
    [{ parameters: { lr: { min: 0, max: 1, step: 2 } } }, 'parameters.lr.step', /beyond max/],
    [{ parameters: {} }, 'parameters', /no parameter/],
    [{ parameters: { wd: lr } }, 'job.command', /no such parameter/],
    [{ parameters: { lr, LR: lr } }, 'parameters.LR', /variable of lr/],
    [{ parameters: { lr }, trials: undefined }, 'trials', /required by method random/],
    [{ parameters: { lr }, method: 'grid' }, 'trials', /no meaning for method grid/],
    [{ parameters: { lr }, method: 'grid', trials: undefined }, 'parameters.lr', /no end of values/],
    [
      { method: 'grid', trials: undefined, parameters: { lr: { min: 0, max: 1e6, step: 1 } } },
      'parameters',
      /too many trials/,
    ],
    [{ method: 'list', trials: undefined, list: [{ lr: 1 }, { wd: 1 }] }, 'list[1]', /other parameters/],
    [{ ...asha, metric: undefined, asha: { rungs: [1] } }, 'metric', /required by method asha/],
    [asha, 'asha', /required/],
    [{ ...asha, asha: {} }, 'asha', /which steps/],
    [{ ...asha, asha: { rungs: [3, 1] } }, 'asha.rungs', /does not rise/],
    [{ ...asha, asha: { minStep: 9, maxStep: 9 } }, 'asha.minStep', /not below maxStep/],
    [{ parameters: { lr }, stopWhen: { value: 1 } }, 'metric', /required by stopWhen/],
    [{ parameters: { lr }, job: { ...job, resources: { gpu: 1 } } }, 'job.resources.gpu', /unknown key/],
    [{ parameters: { lr }, job: { env: {} } }, 'job.command', /is required/],
    [{ parameters: { lr }, job: { ...job, priority: '{{lr}}' } }, 'job.priority', /int/],
  ])('%j', (more, path, message) => {
    expect(problemsOfSweep(sweep(more as object))[0]).toMatchObject({ path, message: expect.stringMatching(message) })
  })

  test('a metric without a goal, and a goal that is none', () => {
    const paths = (metric: object) =>
      SweepSpec.safeParse({
        name: 's',
        method: 'random',
        trials: 1,
        job,
        parameters: { lr },
        metric,
      }).error?.issues.map((issue) => issue.path.join('.'))
    expect(paths({ name: 'loss' })).toEqual(['metric.goal'])
    expect(paths({ name: 'loss', goal: 'low' })).toEqual(['metric.goal'])
  })

  test.each([
    [{}, 'size', /which tasks/],
    [{ size: 2, items: ['a'] }, 'items', /beside size/],
    [{ range: { from: 3, to: 2 } }, 'range.to', /below from/],
    [{ range: { from: 0, to: 1e9 } }, 'range', /too many/],
    [{ size: 2, job: { command: '' } }, 'job.command', /./],
  ])('of an array: %j', (more, path, message) => {
    const array = ArraySpec.parse({ name: 'a', job, ...more })
    expect(problemsOfArray(array)[0]).toMatchObject({ path, message: expect.stringMatching(message) })
  })
})

describe('asynchronous successive halving', () => {
  test('levels are those given, or rise by the reduction below the last step', () => {
    expect(rungsOf({ reduction: 3, rungs: [5, 7] })).toEqual([5, 7])
    expect(rungsOf({ reduction: 3, minStep: 1, maxStep: 81 })).toEqual([1, 3, 9, 27])
  })

  test('the first at a level goes on, and so does whoever is the best of fewer than the reduction', () => {
    expect(isKept({ better: 0, reached: 1, reduction: 3 })).toBe(true)
    expect(isKept({ better: 1, reached: 2, reduction: 3 })).toBe(false)
    expect(isKept({ better: 0, reached: 2, reduction: 3 })).toBe(true)
  })

  /** Trials come to a level in the order of the list; says which of them go on. */
  const run = (values: readonly number[], reduction: number) =>
    values.map((value, i) => {
      const come = values.slice(0, i + 1)
      return isKept({ better: come.filter((other) => other > value).length, reached: come.length, reduction })
    })
  const losses = fc.uniqueArray(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 200 })
  const reductions = fc.integer({ min: 2, max: 10 })

  test('whoever is the best of all that have come goes on, in whatever order they come', () => {
    fc.assert(
      fc.property(losses, reductions, (values, reduction) => {
        const kept = run(values, reduction)
        expect(kept[values.indexOf(Math.max(...values))]).toBe(true)
      }),
    )
  })

  test('whoever goes on is among the best 1/reduction of those that had come by then, or the best of them', () => {
    fc.assert(
      fc.property(losses, reductions, (values, reduction) => {
        const kept = run(values, reduction)
        values.forEach((value, i) => {
          if (!kept[i]) return
          const rank = values.slice(0, i + 1).filter((other) => other > value).length
          expect(rank).toBeLessThan(Math.max(1, (i + 1) / reduction))
        })
      }),
    )
  })

  test('a second level is reached by about 1/reduction of many, and the work is a fraction of that of all', () => {
    const values = Array.from({ length: 3000 }, (_, i) => fraction(1, i, 'order'))
    const kept = values.filter((_, i) => run3[i])
    expect(kept.length / values.length).toBeGreaterThan(1 / 3 - 0.03)
    expect(kept.length / values.length).toBeLessThan(1 / 3 + 0.03)
  })
  const run3 = run(
    Array.from({ length: 3000 }, (_, i) => fraction(1, i, 'order')),
    3,
  )
})
