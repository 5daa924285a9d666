import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PipelineView } from '../../src/schema/pipeline-view.js'
import { Anneal, build } from '../support/anneal.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = join(ROOT, 'dist/cli/main.js')
const FILE = 'examples/nightly/pipeline.yaml'

let anneal: Anneal
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 3 })
})
afterAll(() => anneal?.remove())

/** The program, from the root of the project as the example says; fails where it does. */
async function cli(...args: string[]): Promise<string> {
  const env = { ...process.env, ANNEAL_HOME: anneal.home }
  return (await promisify(execFile)(process.execPath, [MAIN, ...args], { cwd: ROOT, env })).stdout
}

async function show(id: string): Promise<PipelineView> {
  return (await anneal.request('GET', `/api/v1/pipelines/${id}`)).json as PipelineView
}

test('examples/nightly trains three variants, promotes the best as digits:nightly, and prepares once', async () => {
  const id = (await cli('pipeline', 'submit', FILE)).trim()
  await cli('pipeline', 'wait', id)
  const { members, outcome } = await show(id)
  expect(outcome).toMatchObject({ reason: 'completed', message: '6 of 6 steps were done.' })
  const evaluate = members.find(({ key }) => key === 'evaluate')?.job?.id as string
  const scores = accuracies(await cli('pipeline', 'logs', id, 'evaluate'))
  expect(Object.keys(scores)).toEqual(['quick', 'slow', 'steady'])
  const highest = Math.max(...Object.values(scores))
  expect(highest).toBeGreaterThanOrEqual(0.9)
  expect(scores.slow).toBeLessThan(0.9)

  const metric = await cli('metrics', evaluate, 'accuracy', '--csv')
  expect(Number(metric.trim().split('\n').at(-1)?.split(',').at(-1))).toBeCloseTo(highest, 3)
  expect(await cli('artifact', 'show', 'digits:nightly')).toContain(`job ${evaluate}, attempt 1, best`)
  const into = join(anneal.home, 'fetched')
  await cli('artifact', 'download', 'digits:nightly', '-o', into)
  const model = JSON.parse(readFileSync(join(into, 'best/model.json'), 'utf8'))
  expect(scores[model.variant]).toBe(highest)
  const jobOf = (key: string) => members.find((member) => member.key === key)?.job?.id as string
  await cli('artifact', 'download', jobOf(`train.${model.variant}`), '-o', join(anneal.home, 'trained'))
  expect(JSON.parse(readFileSync(join(anneal.home, 'trained/model.json'), 'utf8'))).toEqual(model)

  const next = (await cli('pipeline', 'submit', FILE)).trim()
  await cli('pipeline', 'wait', next)
  expect((await show(next)).members.find(({ key }) => key === 'prepare')?.takenFrom).toBe(id)
  expect(await cli('artifact', 'show', 'digits:nightly')).toMatch(/stands for {2}2 /)
}, 120_000)

/** What evaluate.py prints: `quick: accuracy 0.950`. */
function accuracies(log: string): Record<string, number> {
  return Object.fromEntries(
    [...log.matchAll(/^(\w+): accuracy ([\d.]+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  )
}
