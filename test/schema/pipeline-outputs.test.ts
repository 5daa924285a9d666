import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/schema/failure.js'
import { parsePipeline } from '../../src/schema/parse-pipeline.js'

const job = { command: 'true' }
const prep = job
const train = { ...job, forEach: ['adam', 'sgd'] }
const parse = (steps: object) => parsePipeline({ name: 'digits', steps })
const many = (count: number) => ({ ...job, forEach: Array.from({ length: count }, (_, i) => i) })

function problems(steps: object): string[] {
  try {
    parse(steps)
  } catch (error) {
    return (error as Failure).problems?.map(({ path, message }) => `${path}: ${message}`) ?? [String(error)]
  }
  throw new Error('it was taken')
}

function inputsOf(steps: object, key: string) {
  const { members, nodes } = parse(steps)
  const data = members.find((member) => member.key === key)?.data
  const needs = nodes.find(({ name }) => key.split('.')[0] === name)?.needs
  return { ofSteps: data?.inputs, ofJobs: data?.spec?.inputs, needs }
}

describe('a list that a step puts out', () => {
  const listed = { ...job, forEach: { step: 'prep', path: 'items.json' } }

  test('is waited for, and has one job for each item only when it is there', () => {
    const { nodes, members } = parse({ prep, listed })
    expect(nodes.find(({ name }) => name === 'listed')?.needs).toEqual(['prep'])
    expect(members.map(({ key }) => key)).toEqual(['prep', 'listed'])
  })

  test('is of one job, and its items cannot be named', () => {
    const over = (step: string) => ({ ...job, forEach: { step, path: 'items.json' } })
    const takes = (step: string) => ({ ...job, inputs: { m: { step } } })
    expect(problems({ prep, a: over('prap') })).toEqual([
      'steps.a.forEach.step: there is no step prap; did you mean prep?',
    ])
    expect(problems({ prep, train, a: over('train') })[0]).toMatch(
      /^steps.a.forEach.step: train is fanned out; one output is meant/,
    )
    expect(problems({ prep, listed, a: over('listed') })[0]).toMatch(
      /^steps.a.forEach.step: listed is fanned out over a list/,
    )
    expect(problems({ prep, listed, a: takes('listed.adam') })).toEqual([
      'steps.a.inputs.m.step: the items of listed are not known yet; take in all of them with step: listed',
    ])
    expect(problems({ prep, listed, a: { promote: { step: 'listed', as: 'm:best' } } })[0]).toContain(
      'steps.a.promote.step: listed is',
    )
    expect(problems({ prep, a: { ...job, forEach: { step: 'prep', path: 'x', most: 3 } } })).toEqual([
      'steps.a.forEach.most: unknown key',
    ])
    const b = { ...job, needs: 'a' }
    expect(problems({ a: over('b'), b })).toEqual(['steps.a.needs: is part of a cycle: a → b → a'])
  })
})

describe('outputs that a step takes in', () => {
  test('are those of one item of a fan-out', () => {
    const join = { ...job, inputs: { best: { step: 'train.sgd', path: 'model' } } }
    expect(inputsOf({ train, join }, 'join')).toEqual({
      ofSteps: { best: { step: 'train.sgd', path: 'model' } },
      needs: ['train'],
    })
  })

  test('are those of all items, each as an input of its own that the item is part of', () => {
    const odd = { ...job, forEach: ['adam-w', 'SGD'] }
    const join = { ...job, inputs: { all: { step: 'odd', path: 'm' }, data: { step: 'prep' } } }
    expect(inputsOf({ prep, odd, join }, 'join')).toEqual({
      ofSteps: {
        all_adam_w: { step: 'odd.adam-w', path: 'm' },
        all_SGD: { step: 'odd.SGD', path: 'm' },
        data: { step: 'prep' },
      },
      needs: ['odd', 'prep'],
    })
  })

  test('are those of the item of the same name, where both are fanned out', () => {
    const check = { ...train, inputs: { model: { step: 'train.{{item}}' } } }
    expect(inputsOf({ train, check }, 'check.sgd').ofSteps).toEqual({ model: { step: 'train.sgd' } })
    expect(inputsOf({ train, check }, 'check.adam').ofSteps).toEqual({ model: { step: 'train.adam' } })
  })

  test('stand beside inputs as a job has them', () => {
    const inputs = { base: { artifact: 'digits:prod', path: 'w' }, old: { job: 'before' }, data: { step: 'prep' } }
    expect(inputsOf({ prep, a: { ...job, inputs } }, 'a')).toEqual({
      ofSteps: { data: { step: 'prep' } },
      ofJobs: { base: inputs.base, old: inputs.old },
      needs: ['prep'],
    })
  })

  test('are 32 inputs of a job at most', () => {
    const inputs = { all: { step: 'train' }, base: { artifact: 'digits:prod' } }
    expect(Object.keys(inputsOf({ train: many(31), a: { ...job, inputs } }, 'a').ofSteps ?? {})).toHaveLength(31)
    expect(problems({ train: many(32), a: { ...job, inputs } })).toEqual([
      'steps.a.inputs.all.step: becomes 32 inputs, with which the job has 33; at most 32',
    ])
  })
})

test('the output of one item is promoted', () => {
  const { nodes, members } = parse({ train, best: { promote: { step: 'train.adam', as: 'digits:best' } } })
  expect(nodes.at(-1)).toMatchObject({ name: 'best', needs: ['train'] })
  expect(members.at(-1)?.data.promote?.step).toBe('train.adam')
})

const taking = (step: unknown) => ({ ...job, inputs: { d: { step } } })
const promoting = (step: string) => ({ promote: { step, as: 'digits:best' } })
test.each<[string, object, string[]]>([
  [
    'an item that is not there',
    { train, a: taking('train.adan'), b: promoting('train.zzzzzz') },
    [
      'steps.a.inputs.d.step: train has no item adan; did you mean adam?',
      'steps.b.promote.step: train has no item zzzzzz',
    ],
  ],
  [
    'a step that is not there',
    { train, a: taking('trian.adam'), b: promoting('trian') },
    [
      'steps.a.inputs.d.step: there is no step trian; did you mean train?',
      'steps.b.promote.step: there is no step trian; did you mean train?',
    ],
  ],
  [
    'an item of a step that is one',
    { prep, a: taking('prep.x') },
    ['steps.a.inputs.d.step: prep is not fanned out, so it has no item x'],
  ],
  [
    'several where one is promoted',
    { train, a: promoting('train') },
    ['steps.a.promote.step: train is fanned out; one output is meant, so say of which item, such as train.adam'],
  ],
  [
    'a promotion of a gate',
    { g: { approve: {} }, a: promoting('g') },
    ['steps.a.promote.step: g runs no job, so it has no outputs'],
  ],
  [
    'what is no step',
    { prep, a: taking('Prep') },
    ['steps.a.inputs.d.step: expected a step, such as train, or one item of it, such as train.adam'],
  ],
  [
    'an item without a list',
    { train, a: taking('train.{{item}}') },
    ['steps.a: {{item}} has no value here: has no forEach'],
  ],
  [
    'items that become the same input',
    { train: { ...job, forEach: ['a-b', 'a_b'] }, a: taking('train') },
    ['steps.a.inputs.d.step: becomes the input d_a_b, which is there already'],
  ],
  [
    'an item that becomes another input, or its variable',
    { train, a: { ...job, inputs: { d: { step: 'train' }, d_sgd: { job: 'x' }, D_ADAM: { job: 'y' } } } },
    [
      'steps.a.inputs.d.step: becomes the input d_sgd, which is there already',
      'steps.a.inputs.d: as input d_adam: becomes the same variable as D_ADAM',
    ],
  ],
  [
    'an item that makes the name of the input too long',
    {
      train: { ...job, forEach: ['x'.repeat(40)] },
      a: { ...job, inputs: { [`d${'y'.repeat(30)}`]: { step: 'train' } } },
    },
    [
      `steps.a.inputs.d${'y'.repeat(30)}: as input d${'y'.repeat(30)}_${'x'.repeat(40)}: Too big: expected string to have <=63 characters`,
    ],
  ],
  [
    'a cycle through an item',
    { a: { ...train, inputs: { d: { step: 'b' } } }, b: taking('a.sgd') },
    ['steps.a.needs: is part of a cycle: a → b → a'],
  ],
])('refuses %s', (_, steps, expected) => {
  expect(problems(steps)).toEqual(expected)
})
