import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JobSpec } from '../../../src/schema/job.js'
import { readEntries } from '../../../src/vendors/eas/facade/entries.js'
import { queueOf } from '../../../src/vendors/eas/facade/queues.js'
import { until } from '../../support/anneal.js'
import { jobOf } from '../../support/jobs.js'
import { JobService } from './job-service.js'

let eas: JobService
beforeEach(async () => {
  eas = await JobService.start()
})
afterEach(() => eas.close())

test('a command becomes a bash job of its own, with ten seconds of grace', async () => {
  await eas.put('for i in {1..3}; do date; done', 'a', { priority: 3 })
  const job = await jobOf(eas.store, await eas.jobOf('a'))
  const spec = JSON.parse(job.spec) as JobSpec
  expect(spec).toMatchObject({
    command: ['bash', '-c', 'for i in {1..3}; do date; done'],
    timeouts: { grace: '10s' },
    priority: 53,
    tags: { service: 'kohya_job', taskId: 'a' },
    retry: { maxAttempts: 3, on: { exit_unknown: 2 } },
  })
  expect(job).toMatchObject({ created_by: 'eas:kohya_job', project: 'default' })
})

test('an entry counts as delivered once its job holds a device, and leaves when the last piece is on the sink', async () => {
  const entry = await eas.put('echo hi', 'a')
  const id = await eas.jobOf('a')
  expect(await eas.search(entry)).toEqual({ isPending: false, waitCount: 0 })
  const attempt = await eas.run('a')
  await until('the entry to be pending', async () => (await eas.search(entry))?.isPending)
  expect(await eas.search(entry)).toEqual({ isPending: true, waitCount: 0, consumerId: `kohya_job.${id}` })
  await eas.log(attempt, 'hi\n')
  await eas.end(attempt, 0)
  const { log, states, last } = await eas.whole('a')
  expect({ log, states }).toEqual({ log: 'hi\n', states: ['Running', 'Exited'] })
  expect(last).toEqual({ taskId: 'a', command: 'echo hi', state: 'Exited', log: '', exitCode: 0 })
  expect(await eas.search(entry)).toBeUndefined()
})

test('each piece has the tags of its entry, and comes while the process runs', async () => {
  const entry = await eas.put('work', 'a', { tags: { other: 'x' } })
  const attempt = await eas.run('a')
  await eas.log(attempt, 'one\n')
  await until('the first piece', async () => (await eas.pieces('a')).some(({ log }) => log === 'one\n'))
  await eas.log(attempt, 'two\n')
  await until('the second', async () => (await eas.pieces('a')).some(({ log }) => log === 'two\n'))
  const [first] = await readEntries(eas.store.read, queueOf(eas.service, 'sink'), { limit: 1 })
  expect(first?.tags).toEqual({ taskType: 'command', taskId: 'a', requestId: entry.requestId })
})

test('a command that writes nothing has its last word too, and one that fails has its code', async () => {
  await eas.put('exit 3', 'a')
  await eas.end(await eas.run('a'), 3)
  expect((await eas.whole('a')).last).toMatchObject({ state: 'Fatal', exitCode: 3, log: '' })
})

test('no byte comes twice and none is lost, however often the telling is broken off', async () => {
  await eas.put('work', 'a')
  const attempt = await eas.run('a')
  let expected = ''
  for (let i = 0; i < 60; i += 1) {
    const text = `Zeile ${i} ${'äöü€𝄞'.repeat(i % 7)}\n`
    expected += text
    const bytes = Buffer.from(text)
    const cut = (i * 7) % bytes.length
    await eas.log(attempt, bytes.subarray(0, cut))
    if (i % 10 === 5) {
      await eas.silence()
      eas.speak()
      eas.speak() // two servers on one store
    }
    await eas.log(attempt, bytes.subarray(cut))
  }
  await eas.end(attempt, 0)
  expect((await eas.whole('a')).log).toBe(expected)
})

test('a character is never cut in two, and bytes that are no text come along whole', async () => {
  await eas.put('work', 'a')
  const attempt = await eas.run('a')
  const euro = Buffer.from('€')
  await eas.log(attempt, Buffer.concat([Buffer.from('a'), euro.subarray(0, 2)]))
  await until('what is whole', async () => (await eas.pieces('a')).some(({ log }) => log === 'a'))
  await eas.log(attempt, euro.subarray(2))
  await until('the character', async () => (await eas.pieces('a')).some(({ log }) => log === '€'))
  await eas.log(attempt, Buffer.from([0xff, 0x00]))
  await eas.end(attempt, 0)
  await eas.whole('a')
  const odd = (await eas.pieces('a')).find(({ logBase64 }) => logBase64 !== undefined)
  expect(Buffer.from(odd?.logBase64 as string, 'base64')).toEqual(Buffer.from([0xff, 0x00]))
})

test('a symbol stops a running task by its id: Stopping, then Stopped', async () => {
  await eas.put('sleep 100', 'a')
  const attempt = await eas.run('a')
  await eas.stopSymbol('a')
  expect(await eas.isStopWanted(attempt.job_id)).toBe(true)
  await until('Stopping', async () => (await eas.pieces('a')).at(-1)?.state === 'Stopping')
  await eas.log(attempt, 'bye\n')
  await eas.end(attempt, null, { signalled: true })
  const { states, log } = await eas.whole('a')
  expect({ states, log }).toEqual({ states: ['Running', 'Stopping', 'Stopped'], log: 'bye\n' })
})

test('a waiting task is stopped by a symbol and by taking its entry away, and never becomes a job', async () => {
  await eas.put('first', 'a')
  const b = await eas.put('second', 'b')
  const c = await eas.put('third', 'c')
  expect(await eas.search(c)).toEqual({ isPending: false, waitCount: 2 })
  await eas.delete(b)
  await eas.stopSymbol('c')
  expect((await eas.whole('b')).states).toEqual(['Stopped'])
  expect((await eas.whole('c')).last).toMatchObject({ state: 'Stopped', command: 'third' })
  expect([await eas.search(b), await eas.search(c)]).toEqual([undefined, undefined])
  await eas.end(await eas.run('a'), 0)
  await eas.whole('a')
  expect([(await eas.task('b')).job_id, (await eas.task('c')).job_id]).toEqual([null, null])
})

test('a task whose job still waits for a device is stopped when its entry is taken away', async () => {
  const entry = await eas.put('work', 'a')
  const id = await eas.jobOf('a')
  await eas.delete(entry)
  expect(await eas.isStopWanted(id)).toBe(true)
  await eas.endUnlaunched(id)
  expect((await eas.whole('a')).states).toEqual(['Stopped'])
})

test('taking away the entry of a task that is shown as pending leaves it running', async () => {
  const entry = await eas.put('work', 'a')
  const attempt = await eas.run('a')
  await until('the entry to be pending', async () => (await eas.search(entry))?.isPending)
  await eas.delete(entry)
  expect(await eas.isStopWanted(attempt.job_id)).toBe(false)
  await eas.log(attempt, 'still here\n')
  await eas.end(attempt, 0)
  expect(await eas.whole('a')).toMatchObject({ log: 'still here\n', states: ['Running', 'Exited'] })
})

test('a stop that comes before its task is remembered: the task says Stopped and does not run', async () => {
  await eas.stopSymbol('a')
  const entry = await eas.put('work', 'a')
  const { last } = await eas.whole('a')
  expect(last).toEqual({ taskId: 'a', command: 'work', state: 'Stopped', log: '' })
  expect(await eas.search(entry)).toBeUndefined()
  expect(await eas.store.read.selectFrom('jobs').select('id').execute()).toEqual([])
})

test('the same task sent again makes no second job: not while it runs, and not soon after', async () => {
  await eas.put('work', 'a')
  const attempt = await eas.run('a')
  const again = await eas.put('work', 'a')
  expect(await eas.search(again)).toBeUndefined()
  await eas.end(attempt, 0)
  await eas.whole('a')
  await eas.put('work', 'a')
  expect((await eas.pieces('a')).filter(({ state }) => state === 'Exited')).toHaveLength(2)
  expect(await eas.store.read.selectFrom('jobs').select('id').execute()).toHaveLength(1)
})

test('a task whose third worker is lost is Fatal', async () => {
  await eas.put('work', 'a')
  for (const n of [1, 2, 3]) {
    const attempt = await eas.run('a')
    await eas.log(attempt, `try ${n}\n`)
    await eas.end(attempt, null, { backoff: true })
  }
  const id = await eas.jobOf('a')
  await until('it to be given up', () => eas.isStopWanted(id))
  await eas.endUnlaunched(id)
  const { log, states } = await eas.whole('a')
  expect(log).toContain('try 1\ntry 2\ntry 3\n')
  expect(states.at(-1)).toBe('Fatal')
})

test('while the sink is full nothing is said and nothing is begun, and it goes on when there is room', async () => {
  await eas.put('work', 'a')
  const attempt = await eas.run('a')
  await until('it to say that it runs', async () => (await eas.pieces('a')).length === 1)
  eas.limits.maxLength = 1
  await eas.log(attempt, 'held back\n')
  await eas.end(attempt, 0)
  await eas.put('next', 'b')
  expect((await eas.task('b')).job_id).toBeNull()
  expect(await eas.pieces('a')).toHaveLength(1)
  eas.limits.maxLength = 100
  expect((await eas.whole('a')).log).toBe('held back\n')
  await eas.jobOf('b')
})

test('an entry that is no command stays an entry, and a command without a name is refused', async () => {
  const entry = await eas.put('data', 'a', { tags: { taskType: 'other' } })
  expect(await eas.search(entry)).toEqual({ isPending: false, waitCount: 0 })
  expect(await eas.store.read.selectFrom('eas_tasks').selectAll().execute()).toEqual([])
  await expect(eas.put('work', '')).rejects.toThrow('taskId')
  await expect(eas.put('x'.repeat(200_000), 'b')).rejects.toThrow('131072')
  await expect(eas.put('a\0b', 'b')).rejects.toThrow('NUL')
})
