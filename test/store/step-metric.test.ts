import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Reported } from '../../src/store/step-metric.js'
import { finish, job, lookOn, standings, submitSteps, view } from '../support/pipelines.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'

/** What the job of step `a` has reported. */
let reported: Reported
vi.mock(import('../../src/store/step-metric.js'), async () => ({ metricOf: async () => reported }))

let t: TestStore
beforeEach(async () => {
  t = await newSqliteStore()
})
afterEach(() => t.drop())

const WHEN = 'steps.a.metrics.accuracy >= 0.9'

async function afterA(): Promise<string> {
  const { id } = await submitSteps(t.store, {
    a: job,
    b: { ...job, needs: 'a', when: WHEN },
    c: { ...job, needs: 'a' },
  })
  await lookOn(t.store, id)
  await finish(t.store, id, 'a')
  return id
}

test('a step runs where its condition on a metric holds', async () => {
  reported = 0.95
  const id = await afterA()
  await lookOn(t.store, id)
  expect(await standings(t.store, id)).toEqual(['a completed', 'b running', 'c running'])
})

test('it is skipped where it does not, with what was seen', async () => {
  reported = 0.5
  const id = await afterA()
  await lookOn(t.store, id)
  expect((await view(t.store, id)).members[1]).toMatchObject({
    state: 'skipped',
    note: `not so: ${WHEN} (accuracy of a is 0.5)`,
  })
})

test('while the metric is still on its way the step waits, the others go on, and it is looked at again', async () => {
  reported = 'coming'
  const id = await afterA()
  const look = await lookOn(t.store, id)
  expect(await standings(t.store, id)).toEqual(['a completed', 'b waiting', 'c running'])
  expect(look?.until).toBeGreaterThan(Date.now() - 60_000)
  reported = 0.95
  await lookOn(t.store, id)
  expect(await standings(t.store, id)).toEqual(['a completed', 'b running', 'c running'])
})
