import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { createMonitorActivities } from '../../src/activities/index.js'
import type { Watches } from '../../src/activities/watches.js'

/** The watch activity, where the watch ends with that error. */
function watching(isClosing: boolean, error: Error): Promise<unknown> {
  const watches = { isClosing, until: () => Promise.reject(error) } as unknown as Watches
  return new MockActivityEnvironment().run(createMonitorActivities(watches).watchRemote, 'job', 1)
}

test('a watch whose worker ends is taken by another one at once, however often that has happened to it', async () => {
  const handedOn = watching(true, new Error('the worker ends'))
  await expect(handedOn).rejects.toMatchObject({ type: 'handed_on', nonRetryable: false, nextRetryDelay: 100 })
})

test('a watch that fails by itself is begun again after the pauses of its policy', async () => {
  const error = new Error('by itself')
  await expect(watching(false, error)).rejects.toBe(error)
})
