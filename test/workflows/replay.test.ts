import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker'
import { beforeAll, describe, expect, test } from 'vitest'

const folder = fileURLToPath(new URL('../fixtures/histories/', import.meta.url))
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
let workflowBundle: WorkflowBundle

beforeAll(async () => {
  const logger = new DefaultLogger('ERROR')
  Runtime.install({ logger })
  const workflowsPath = fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url))
  workflowBundle = await bundleWorkflowCode({ workflowsPath, logger })
}, 120_000)

interface History {
  events: { eventType: string; localActivity?: unknown }[]
}
const historyOf = (name: string) => JSON.parse(readFileSync(folder + name, 'utf8')) as History

describe('histories of jobs that were run once', () => {
  test('there is one of each shape that a life can have', () => {
    for (const shape of ['clean', 'retried', 'stopped', 'timed-out', 'paused', 'refused-elsewhere', 'group', 'fire']) {
      expect(files.some((name) => name.endsWith(`-${shape}.json`))).toBe(true)
    }
  })

  test.each(files)('%s replays on the workflow as it is now', async (name) => {
    await Worker.runReplayHistory({ workflowBundle }, historyOf(name), name)
  })

  test('one whose decisions are in another order does not replay', async () => {
    const history = historyOf(files.find((name) => name.endsWith('-clean.json')) as string)
    const markers = history.events.filter((event) => event.eventType.includes('MARKER_RECORDED'))
    expect(markers.length).toBeGreaterThan(2)
    const [first, second] = markers.map((event) => history.events.indexOf(event)) as [number, number]
    const swapped = structuredClone(history)
    const details = 'markerRecordedEventAttributes'
    type Event = Record<string, unknown>
    const [a, b] = [swapped.events[first] as unknown as Event, swapped.events[second] as unknown as Event]
    ;[a[details], b[details]] = [b[details], a[details]]
    await expect(Worker.runReplayHistory({ workflowBundle }, swapped)).rejects.toThrow()
  })

  test.each(files)('%s keeps within 32 events for an attempt and 20 for each further one', (name) => {
    const attempts = name.includes('retried') ? 3 : /paused|elsewhere/.test(name) ? 2 : 1
    expect(historyOf(name).events.length).toBeLessThanOrEqual(32 + 20 * (attempts - 1))
  })
})
