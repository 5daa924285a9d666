import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { SweepSpec } from '../../src/schema/sweep.js'
import { problemsOfSweep } from '../../src/schema/sweep-problems.js'

const text = await readFile(new URL('../../docs/sweeps.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => parse(block))

test('the sweep of docs/sweeps.md is one, and becomes the other by what is said of asha', () => {
  const [whole, asha] = blocks as [{ sweep: object }, object]
  expect(problemsOfSweep(SweepSpec.parse(whole.sweep))).toEqual([])
  expect(problemsOfSweep(SweepSpec.parse({ ...whole.sweep, ...asha }))).toEqual([])
})
