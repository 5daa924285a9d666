import { describe, expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/schema/duration.js'
import type { Failure } from '../../src/schema/failure.js'
import { decideOverlap } from '../../src/schema/overlap.js'
import { fillIn, problemsOfPlaceholders } from '../../src/schema/placeholders.js'
import { dueAt, nameOf } from '../../src/schema/schedule.js'
import {
  cronsForTemporal,
  nextTime,
  nextTimes,
  problemsOfTimes,
  timesBetween,
} from '../../src/schema/schedule-times.js'

const at = (iso: string) => Date.parse(iso)
const iso = (times: number[]) => times.map((time) => new Date(time).toISOString().slice(0, 16))
const BERLIN = 'Europe/Berlin'

describe('the times of a schedule', () => {
  test('a time of day is that of its zone, in winter and in summer', () => {
    const times = { cron: '0 2 * * *', timezone: BERLIN }
    expect(iso(nextTimes(times, at('2026-01-10T12:00Z'), 2))).toEqual(['2026-01-11T01:00', '2026-01-12T01:00'])
    expect(iso(nextTimes(times, at('2026-07-10T12:00Z'), 1))).toEqual(['2026-07-11T00:00'])
  })

  test('a time of day that the clocks leave out comes at the end of the gap, and one that occurs twice comes once', () => {
    const times = { cron: '30 2 * * *', timezone: BERLIN }
    expect(iso(nextTimes(times, at('2027-03-27T12:00Z'), 2))).toEqual(['2027-03-28T01:00', '2027-03-29T00:30'])
    expect(iso(nextTimes(times, at('2027-10-30T12:00Z'), 2))).toEqual(['2027-10-31T00:30', '2027-11-01T01:30'])
  })

  test('what fires each half hour goes on through the doubled hour', () => {
    const times = { cron: '*/30 * * * *', timezone: BERLIN }
    const found = nextTimes(times, at('2027-10-31T00:00Z'), 4)
    expect(found.map((time, i) => time - (found[i - 1] ?? time))).toEqual([0, 30 * MINUTE, 30 * MINUTE, 30 * MINUTE])
  })

  test('an interval counts from the epoch, moved by its offset, and the next time is never the one asked about', () => {
    const times = { every: '6h', offset: '30m', timezone: 'UTC' }
    expect(iso(nextTimes(times, at('2026-03-01T00:30Z'), 2))).toEqual(['2026-03-01T06:30', '2026-03-01T12:30'])
    expect(iso([nextTime(times, at('2026-03-01T00:29Z')) as number])).toEqual(['2026-03-01T00:30'])
  })

  test('a span has both its ends', () => {
    const times = { every: '1h', timezone: 'UTC' }
    const [from, to] = [at('2026-03-01T00:00Z'), at('2026-03-01T03:00Z')]
    expect(timesBetween(times, from, to, 100)).toEqual([from, from + HOUR, from + 2 * HOUR, to])
    expect(timesBetween(times, from, to, 2)).toHaveLength(2)
  })

  test('of two restricted fields for days either may fit, which Temporal is told as two expressions', () => {
    expect(iso(nextTimes({ cron: '0 0 1 * 1', timezone: 'UTC' }, at('2026-03-28T12:00Z'), 3))).toEqual([
      '2026-03-30T00:00',
      '2026-04-01T00:00',
      '2026-04-06T00:00',
    ])
    expect(cronsForTemporal('0 0 1 * 1')).toEqual(['0 0 1 * *', '0 0 * * 1'])
    expect(cronsForTemporal('0 0 * * 1')).toEqual(['0 0 * * 1'])
  })

  test.each([
    ['0 0 30 2 *', 'cron', 'can never fire'],
    ['61 0 * * *', 'cron', 'Invalid value for minute: 61'],
    ['0 0 * *', 'cron', 'expected five fields'],
    ['0 0 L * *', 'cron', 'L is no month and no weekday'],
    ['0 0 ? * 1#2', 'cron', 'expected five fields'],
    ['* * * * * *', 'cron', 'expected five fields'],
  ])('%s is refused at %s: %s', (cron, path, message) => {
    const [problem] = problemsOfTimes({ cron, timezone: 'UTC' }, Date.now())
    expect(problem).toMatchObject({ path, message: expect.stringContaining(message), value: cron })
  })

  test('29 February, nicknames and names can fire', () => {
    for (const cron of ['0 0 29 2 *', '@daily', '0 9 * JAN-MAR MON-FRI', '5,35 */2 * * 0'])
      expect(problemsOfTimes({ cron, timezone: BERLIN }, Date.now()), cron).toEqual([])
  })

  test('an unknown zone, both or neither of cron and every, and an interval under a minute are refused with their place', () => {
    const pathOf = (times: object) => problemsOfTimes({ timezone: 'UTC', ...times }, Date.now()).map(({ path }) => path)
    expect(pathOf({ cron: '@daily', timezone: 'Europe/Berln' })).toEqual(['timezone'])
    expect(pathOf({ cron: '@daily', every: '1h' })).toEqual(['every'])
    expect(pathOf({})).toEqual(['(document)'])
    expect(pathOf({ every: '59s' })).toEqual(['every'])
    expect(pathOf({ every: '1h', offset: '1h' })).toEqual(['offset'])
    expect(pathOf({ cron: '@daily', offset: '1h' })).toEqual(['offset'])
    expect(pathOf({ every: '1m' })).toEqual([])
  })
})

describe('placeholders', () => {
  const moment = { at: at('2026-11-21T01:30:00Z'), timezone: BERLIN }
  test('are the date and time of the moment in its zone, with offsets, in every string however deep', () => {
    const filled = fillIn(
      { name: 'data-{{date}}', args: ['{{ time }}', { env: '{{datetime-1d}}/{{date - 3h}}' }], n: 1 },
      moment,
    )
    expect(filled).toEqual({
      name: 'data-2026-11-21',
      args: ['02-30-00', { env: '2026-11-20t02-30-00/2026-11-20' }],
      n: 1,
    })
  })

  test('days are those of the calendar, also over a change of the clocks', () => {
    const morning = { at: at('2027-03-29T00:30:00Z'), timezone: BERLIN } // 02:30, the day after the change
    expect(fillIn('{{datetime - 1d}} {{datetime - 24h}} {{date - 29d}}', morning)).toBe(
      '2027-03-28t02-30-00 2027-03-28t01-30-00 2027-02-28',
    )
  })

  test('two braces can be written, and what is no placeholder is refused with its place', () => {
    expect(fillIn("docker ps --format {{'{{'}}.Names}}", moment)).toBe('docker ps --format {{.Names}}')
    expect(problemsOfPlaceholders({ env: { A: '{{dat}}', B: '{{date}}' }, l: ['{{date - 1y}}'] })).toMatchObject([
      { path: 'env.A', message: expect.stringContaining('unknown placeholder {{dat}}') },
      { path: 'l[0]' },
    ])
  })

  test('a name that is fit only once it is filled in is accepted, and one that is never fit is named', () => {
    expect(nameOf(dueAt({ job: { name: 'data-{{datetime}}', command: 'true' } }, moment))).toBe(
      'data-2026-11-21t02-30-00',
    )
    const refused = (job: Record<string, unknown>) => {
      try {
        dueAt({ job }, moment)
      } catch (error) {
        return (error as Failure).problems?.map(({ path }) => path)
      }
    }
    expect(refused({ name: 'Data {{date}}', command: 'true' })).toEqual(['job.name'])
    expect(refused({ name: 'a', command: '{{nothing}}', resources: { gpu: 1 } })).toEqual([
      'job.command',
      'job.resources.gpu',
    ])
  })

  test('dates are filled into pipelines and sweeps, and the placeholders of their items and parameters are left to them', () => {
    const steps = { train: { forEach: ['a', 'b'], command: 'echo {{item}} {{date}}' } }
    const pipeline = dueAt({ pipeline: { name: 'p-{{date}}', steps } }, moment)
    expect(pipeline).toMatchObject({ pipeline: { name: 'p-2026-11-21' } })
    const commands = 'pipeline' in pipeline && pipeline.pipeline.members.map(({ data }) => data.spec?.command)
    expect(commands).toEqual(['echo a 2026-11-21', 'echo b 2026-11-21'])
    const job = { command: 'echo {{lr}} {{date}}' }
    const sweep = { name: 's', method: 'grid', parameters: { lr: [1, 2] }, job }
    expect(dueAt({ sweep }, moment)).toMatchObject({ sweep: { job: { command: 'echo {{lr}} 2026-11-21' } } })
  })

  test.each([
    ['nothing', {}, ['(document)']],
    ['two things', { job: { command: 'true' }, sweep: {} }, ['(document)']],
    [
      'an unknown step',
      { pipeline: { name: 'p', steps: { a: { needs: 'b', command: 'x' } } } },
      ['pipeline.steps.a.needs'],
    ],
    [
      'a date that is none',
      { pipeline: { name: 'p', steps: { a: { command: '{{dat}}' } } } },
      ['pipeline.steps.a.command'],
    ],
    ['a sweep without a grid', { sweep: { name: 's', method: 'grid', job: { command: 'x' } } }, ['sweep.parameters']],
  ])('a schedule of %s is refused with its place', (_, body, paths) => {
    let found: unknown
    try {
      dueAt(body, moment)
    } catch (error) {
      found = (error as Failure).problems?.map(({ path }) => path)
    }
    expect(found).toEqual(paths)
  })
})

describe('while the run before has not ended', () => {
  const open = { open: ['job j1'], hasWaiting: false }
  const both = { open: ['job j1'], hasWaiting: true }
  test('skip skips, and says for which job', () => {
    expect(decideOverlap('skip', open)).toEqual({ do: 'skip', why: 'job j1 has not ended yet' })
  })
  test('bufferOne lets one wait and skips the next', () => {
    expect(decideOverlap('bufferOne', open)).toMatchObject({ do: 'wait', stops: false, replaces: false })
    expect(decideOverlap('bufferOne', both)).toMatchObject({ do: 'skip' })
  })
  test('cancelOther stops what runs and waits for its end, in place of what waits', () => {
    expect(decideOverlap('cancelOther', open)).toMatchObject({ do: 'wait', stops: true, replaces: false })
    expect(decideOverlap('cancelOther', both)).toMatchObject({ do: 'wait', stops: true, replaces: true })
  })
  test('allowAll submits; and so do all where nothing is open', () => {
    expect(decideOverlap('allowAll', both)).toEqual({ do: 'submit' })
    for (const overlap of ['skip', 'bufferOne', 'cancelOther', 'allowAll'] as const)
      expect(decideOverlap(overlap, { open: [], hasWaiting: false })).toEqual({ do: 'submit' })
  })
})
