import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal({ TZ: 'UTC' })
beforeEach(() => server.store.transact((tx) => tx.q.deleteFrom('schedules').execute()))

const file = async (name: string, text: string): Promise<string> => {
  const path = join(server.folder, name)
  await writeFile(path, text)
  return path
}
const JOB = 'name: data-{{date}}\ncommand: python3 prepare.py --day {{date - 1d}}\n'
const DAILY = ['--cron', '0 2 * * *', '--timezone', 'Europe/Berlin']
const json = async (args: string[]) => JSON.parse((await anneal.run([...args, '--json'])).stdout)

test('`schedule create` makes one that is listed and shown with its next five times, and by the flags or the file alike', async () => {
  const made = await anneal.run(['schedule', 'create', 'nightly', await file('job.yaml', JOB), ...DAILY])
  expect(made.stderr).toContain('schedule nightly fires next ')
  const shown = await json(['schedule', 'show', 'nightly'])
  expect(shown).toMatchObject({
    id: made.stdout.trim(),
    schedule: { cron: '0 2 * * *', timezone: 'Europe/Berlin', overlap: 'skip', catchUp: '1d' },
    job: { name: 'data-{{date}}' },
  })
  expect(shown.next).toHaveLength(5)
  const whole = `schedule:\n  every: 6h\n  overlap: bufferOne\njob:\n  name: often\n  command: 'true'\n`
  await anneal.run(['schedule', 'create', 'often', await file('both.yaml', whole), '--offset', '30m'])
  const list = (await anneal.run(['schedule', 'list'])).stdout
  expect(list).toMatch(/^NAME +WHEN +NEXT +LAST\n/)
  expect(list).toMatch(/nightly +0 2 \* \* \* Europe\/Berlin +20/)
  expect(list).toMatch(/often +every 6h \+ 30m +20\d\d-\d\d-\d\d (00|06|12|18):30:00 +-/)
  expect((await anneal.run(['schedule', 'create', 'often', await file('job.yaml', JOB), ...DAILY])).code).toBe(69)
})

test('`--dry-run` makes nothing and shows the five times with the names that the jobs would have', async () => {
  const plan = await anneal.run([
    'schedule',
    'create',
    'x',
    await file('job.yaml', JOB),
    '--cron',
    '0 2 * * *',
    '--dry-run',
  ])
  const rows = plan.stdout.trim().split('\n').slice(1)
  expect(rows).toHaveLength(5)
  for (const row of rows) expect(row).toMatch(/^(\d{4}-\d\d-\d\d) 02:00:00 +data-\1$/)
  expect((await json(['schedule', 'list'])).schedules).toEqual([])
})

test.each([
  [['--cron', '0 0 30 2 *'], JOB, /--cron: can never fire/],
  [['--cron', '0 0 * * *', '--timezone', 'Europe/Berln'], JOB, /--timezone: no such time zone/],
  [['--every', '10s'], JOB, /--every: shorter than 1m/],
  [[], JOB, /schedule: expected either cron or every/],
  [DAILY, 'name: a\ncommand: echo {{day}}\n', /job\.yaml:2:1 command: unknown placeholder \{\{day\}\}/],
  [
    DAILY,
    'name: a\ncommand: a\nresources:\n  gpu: 1\n',
    /job\.yaml:4:3 resources\.gpu: unknown key; did you mean gpus\?/,
  ],
  [
    [],
    'schedule:\n  cron: 0 0 31 4 *\njob:\n  name: a\n  command: b\n',
    /job\.yaml:2:3 schedule\.cron: can never fire/,
  ],
  [
    [],
    'schedule:\n  corn: "@daily"\njob:\n  name: a\n  command: b\n',
    /job\.yaml:2:3 schedule\.corn: unknown key; did you mean cron\?/,
  ],
  [DAILY, 'shedule: {}\njob:\n  name: a\n', /job\.yaml:1:1 shedule: unknown key/],
])('%j is refused with its place and why', async (flags, text, message) => {
  const refused = await anneal.run(['schedule', 'create', 'bad', await file('job.yaml', text), ...flags])
  expect(refused.stderr).toMatch(message)
  expect(refused.code).toBe(65)
  expect((await json(['schedule', 'list'])).schedules).toEqual([])
})

test('trigger, backfill, pause, resume, update and remove do what they say', async () => {
  await anneal.run(['schedule', 'create', 'hourly', await file('job.yaml', JOB), '--every', '1h'])
  const triggered = await anneal.run(['schedule', 'trigger', 'hourly'])
  const job = await json(['show', triggered.stdout.trim()])
  const schedule = await json(['schedule', 'show', 'hourly'])
  expect(job).toMatchObject({ scheduleId: schedule.id, name: `data-${job.createdAt.slice(0, 10)}` })
  const span = ['--from', '2026-03-01T00:00:00Z', '--to', '2026-03-01T02:00:00Z']
  expect((await anneal.run(['schedule', 'backfill', 'hourly', ...span])).stdout).toBe(
    '3 submitted, 0 failed, 0 existed already\n',
  )
  expect(await json(['schedule', 'backfill', 'hourly', ...span])).toEqual({ submitted: 0, failed: 0, existed: 3 })
  expect((await anneal.run(['schedule', 'backfill', 'hourly', '--from', 'monday', '--to', 'now'])).code).toBe(64)
  const page = (await anneal.run(['schedule', 'show', 'hourly'])).stdout
  expect(page).toMatch(/AT +BY +RESULT +RUN OR REASON\n.+ trigger +queued +[0-9a-z]{26}\n.+ backfill +queued/)
  expect((await anneal.run(['schedule', 'pause', 'hourly'])).stderr).toContain('schedule hourly is paused')
  expect((await anneal.run(['schedule', 'list'])).stdout).toMatch(/hourly +every 1h +paused/)
  expect((await anneal.run(['schedule', 'resume', 'hourly'])).stderr).toMatch(/goes on, next 20/)
  expect((await anneal.run(['schedule', 'update', 'hourly'])).code).toBe(64)
  await anneal.run(['schedule', 'update', 'hourly', ...DAILY, '--overlap', 'allowAll'])
  expect(await json(['schedule', 'show', 'hourly'])).toMatchObject({
    schedule: { cron: '0 2 * * *', timezone: 'Europe/Berlin', overlap: 'allowAll', catchUp: '1d' },
    job: schedule.job,
  })
  expect((await json(['schedule', 'show', 'hourly'])).schedule).not.toHaveProperty('every')
  expect((await anneal.run(['schedule', 'update', 'hourly', '--cron', '0 0 30 2 *'])).stderr).toContain(
    '--cron: can never',
  )
  await anneal.run(['schedule', 'remove', 'hourly'])
  expect((await anneal.run(['schedule', 'show', 'hourly'])).code).toBe(67)
  expect((await json(['show', job.id])).scheduleId).toBe(schedule.id)
})

test('a folder named as workdir is packed and sent, relative to the file, and checked before that', async () => {
  await file('train.py', 'print(1)\n')
  const made = await anneal.run([
    'schedule',
    'create',
    'packed',
    await file('job.yaml', `${JOB}workdir: .\n`),
    ...DAILY,
  ])
  expect(made.code, made.stderr).toBe(0)
  const { job } = await json(['schedule', 'show', 'packed'])
  expect(await server.blobs.has(job.workdir.blob)).toBe(true)
})

test('a viewer sees schedules and may not change them', async () => {
  await anneal.run(['schedule', 'create', 'hourly', await file('job.yaml', JOB), '--every', '1h'])
  const env = { ANNEAL_TOKEN: await server.newToken('viewer') }
  expect((await anneal.run(['schedule', 'list'], { env })).stdout).toContain('hourly')
  for (const verb of ['trigger', 'pause', 'remove'])
    expect((await anneal.run(['schedule', verb, 'hourly'], { env })).code, verb).toBe(66)
})
