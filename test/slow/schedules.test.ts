import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { MINUTE } from '../../src/schema/duration.js'
import type { ScheduleView } from '../../src/schema/schedule.js'
import { Anneal, build, until } from '../support/anneal.js'

let anneal: Anneal
beforeAll(() => build())
afterEach(() => anneal?.remove())

const show = async () => (await anneal.request('GET', '/api/v1/schedules/each-minute?fires=50')).json as ScheduleView

test('a schedule trains each minute, also when everything is killed in between and the database of Temporal is deleted: no minute is lost, none twice', async () => {
  anneal = await Anneal.start({ devices: 2 })
  const body = {
    name: 'each-minute',
    schedule: { cron: '* * * * *', overlap: 'allowAll' },
    job: { name: 'at-{{datetime}}', command: 'echo "$0" {{datetime}}' },
  }
  const made = await anneal.request('POST', '/api/v1/schedules', body)
  expect(made.status, made.text).toBe(201)
  const first = await until('a first fire', async () => (await show()).fires[0], 2 * MINUTE)
  expect(first).toMatchObject({ state: 'submitted', kind: 'time' })
  const job = await anneal.ended(first.jobId as string)
  const named = `at-${first.at.slice(0, 19).replace('T', 't').replaceAll(':', '-')}`
  expect(job).toMatchObject({ name: named, scheduleId: (await show()).id, outcome: { reason: 'completed' } })

  await anneal.killAll()
  rmSync(join(anneal.home, 'temporal'), { recursive: true, force: true })
  await anneal.up({ devices: 2 })
  const triggered = await anneal.request('POST', '/api/v1/schedules/each-minute/trigger')
  expect(triggered.status, triggered.text).toBe(201)
  const isLater = ({ kind }: ScheduleView['fires'][number]) => kind === 'time'
  const all = await until(
    'fires after the loss',
    async () => {
      const fires = (await show()).fires.filter(isLater)
      return fires.length >= 3 ? fires : undefined
    },
    4 * MINUTE,
  )
  const times = all.map(({ at }) => Date.parse(at)).reverse()
  expect(times).toEqual(times.map((_, i) => (times[0] as number) + i * MINUTE))
  expect(new Set(all.map(({ jobId }) => jobId)).size).toBe(all.length)
  for (const { jobId } of all) expect((await anneal.ended(jobId as string)).outcome?.reason).toBe('completed')
}, 600_000)
