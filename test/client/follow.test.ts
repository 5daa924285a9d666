import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, createClient, type LogEnd, type LogPiece } from '../../src/client/index.js'
import {
  COMPLETED,
  endAttempt,
  FAILED,
  finishLogs,
  runningJob,
  startAttempt,
  startServer,
  type TestServer,
  write,
} from './server.js'

let server: TestServer
let client: Client
beforeEach(async () => {
  server = await startServer()
  client = createClient(server)
})
afterEach(() => server.close())

test('a follower gets the bytes that are there, those that come, and then the outcome', async () => {
  const attempt = await runningJob(server)
  await write(server, attempt, 'first\n')
  const follower = follow()
  await follower.until('first\n')
  await write(server, attempt, Buffer.from([0xff, 0x00, 0x0d]))
  await endAttempt(server, attempt, COMPLETED)
  expect(await follower.ended).toMatchObject({ outcome: { reason: 'completed' }, attempt: 1 })
  expect(follower.bytes()).toEqual(Buffer.concat([Buffer.from('first\n'), Buffer.from([0xff, 0x00, 0x0d])]))
})

test('a follower of a name stays with its job when a newer one takes the name', async () => {
  const attempt = await runningJob(server, { name: 'twin' })
  const follower = follow('twin')
  await write(server, attempt, 'old')
  await follower.until('old')
  const newer = await runningJob(server, { name: 'twin' })
  await write(server, newer, 'new')
  await server.stop()
  await server.start()
  await endAttempt(server, attempt, COMPLETED)
  await follower.ended
  expect(follower.text()).toBe('old')
})

test('who reads the log of a job that has just ended gets it whole, also when no byte had come yet', async () => {
  const attempt = await runningJob(server)
  await endAttempt(server, attempt, COMPLETED, true, true)
  const read = fetch(`${server.url}/api/v1/jobs/${attempt.job_id}/logs/1/0`, {
    headers: { authorization: `Bearer ${server.token}` },
  }).then((response) => response.text())
  await client.listLogs(attempt.job_id) // the read has been taken up before
  await write(server, attempt, 'late')
  await finishLogs(server, attempt)
  expect(await read).toBe('late')
})

test('a follower of a job that has ended waits for the bytes that are still on their way', async () => {
  const attempt = await runningJob(server)
  await endAttempt(server, attempt, COMPLETED, true, true)
  const follower = follow()
  const isOpen = await Promise.race([
    follower.ended.then(() => false),
    client.listLogs(attempt.job_id).then(() => true),
  ])
  expect(isOpen).toBe(true)
  await write(server, attempt, 'late')
  await follower.until('late')
  await write(server, attempt, ' and last')
  await finishLogs(server, attempt)
  await follower.ended
  expect(follower.text()).toBe('late and last')
})

test('when the server is restarted the follower goes on without a byte lost or given twice', async () => {
  const attempt = await runningJob(server)
  const follower = follow()
  let expected = ''
  for (let round = 0; round < 3; round += 1) {
    for (let line = 0; line < 50; line += 1) await write(server, attempt, `round ${round}, line ${line}\n`)
    expected += Array.from({ length: 50 }, (_, line) => `round ${round}, line ${line}\n`).join('')
    await follower.until(expected)
    await server.stop()
    await write(server, attempt, `while it was away ${round}\n`)
    expected += `while it was away ${round}\n`
    await server.start()
  }
  await endAttempt(server, attempt, COMPLETED)
  await follower.ended
  expect(follower.text()).toBe(expected)
  expect(follower.breaks).toBeGreaterThanOrEqual(3)
})

test('a follower waits for a server that is away longer than its first tries', async () => {
  const attempt = await runningJob(server)
  const follower = follow()
  await write(server, attempt, 'before')
  await follower.until('before')
  await server.stop()
  await condition(() => follower.breaks >= 4)
  await server.start()
  await write(server, attempt, ' after')
  await follower.until('before after')
  await endAttempt(server, attempt, COMPLETED)
  await follower.ended
})

test('a follower goes across attempts and takes only what it was asked for', async () => {
  const first = await runningJob(server)
  const all = follow()
  const second = follow(first.job_id, { attempt: 2, stream: '0' })
  await write(server, first, 'one')
  await write(server, first, 'setting up', 'setup')
  await endAttempt(server, first, FAILED, false)
  const attempt = await startAttempt(server, first.job_id)
  await write(server, attempt, 'setting up again', 'setup')
  await write(server, attempt, 'two')
  await endAttempt(server, attempt, COMPLETED)
  await Promise.all([all.ended, second.ended])
  expect(all.streams()).toEqual({ '1/0': 'one', '1/setup': 'setting up', '2/0': 'two', '2/setup': 'setting up again' })
  expect(second.streams()).toEqual({ '2/0': 'two' })
})

test('another follower goes on with the cursor of the first', async () => {
  const attempt = await runningJob(server)
  await write(server, attempt, 'read already, ')
  const first = follow()
  await first.until('read already, ')
  await write(server, attempt, 'not yet')
  const second = follow(attempt.job_id, { cursor: first.pieces.at(-1)?.cursor as string })
  await endAttempt(server, attempt, COMPLETED)
  await second.ended
  expect(second.text().endsWith('not yet')).toBe(true)
  expect(second.pieces[0]?.offset).toBeGreaterThanOrEqual('read already, '.length)
})

test('a cursor too long for a request costs bytes on the wire and gives none twice', async () => {
  const attempt = await runningJob(server)
  await write(server, attempt, 'known')
  for (let n = 100; n < 450; n += 1) await write(server, attempt, 'x'.repeat(1000), `${'a'.repeat(29)}${n}`)
  const stop = new AbortController()
  const follower = follow(attempt.job_id, { signal: stop.signal })
  await condition(() => follower.pieces.length === 351)
  expect(follower.pieces.at(-1)?.cursor.length).toBeGreaterThan(12_000)
  await server.stop()
  await server.start()
  await write(server, attempt, ' and new')
  await condition(() => follower.streams()['1/0'] === 'known and new')
  await write(server, attempt, 'x', `${'a'.repeat(29)}449`)
  await condition(() => follower.streams()[`1/${'a'.repeat(29)}449`] === 'x'.repeat(1001))
  expect(follower.pieces).toHaveLength(353)
  stop.abort()
})

test('a follower ends with the refusal when there is no such job, and with the reason of its signal', async () => {
  await expect(follow('nothing').ended).rejects.toMatchObject({ code: 'not_found' })
  await expect(follow('01j00000000000000000000000').ended).rejects.toMatchObject({ code: 'not_found' })
  const attempt = await runningJob(server)
  const stop = new AbortController()
  const follower = follow(attempt.job_id, { signal: stop.signal })
  await write(server, attempt, 'x')
  await follower.until('x')
  stop.abort(new Error('enough'))
  await expect(follower.ended).rejects.toThrow('enough')
})

test('the signal also ends a follower that is waiting for a server which is away', async () => {
  const attempt = await runningJob(server)
  await server.stop()
  const stop = new AbortController()
  const follower = follow(attempt.job_id, { signal: stop.signal })
  await condition(() => follower.breaks >= 1)
  stop.abort(new Error('enough'))
  await expect(follower.ended).rejects.toThrow('enough')
})

test('waiting gives the ended job, through a restart, also for one that has ended already', async () => {
  const attempt = await runningJob(server)
  const waiting = client.waitFor(attempt.job_id)
  await server.stop()
  await server.start()
  await endAttempt(server, attempt, FAILED)
  expect((await waiting).outcome).toMatchObject({ reason: 'process_failed', exitCode: 3 })
  expect((await client.waitFor(attempt.job_id)).state).toBe('ended')
})

test('the timeline goes on after a restart, each entry once', async () => {
  const attempt = await runningJob(server)
  const seen: string[] = []
  const following = (async () => {
    for await (const event of client.followEvents(attempt.job_id)) seen.push(`${event.seq} ${event.type}`)
  })()
  await condition(() => seen.some((entry) => entry.endsWith('started')))
  await server.stop()
  await endAttempt(server, attempt, COMPLETED)
  await server.start()
  await following
  expect(seen).toEqual((await client.listEvents(attempt.job_id)).map((event) => `${event.seq} ${event.type}`))
  expect(seen.at(-1)).toContain('ended')
})

function follow(ref?: string, options: Parameters<Client['followLogs']>[1] = {}) {
  const pieces: LogPiece[] = []
  const state = { breaks: 0 }
  const bytes = () => Buffer.concat(pieces.map((piece) => piece.bytes))
  const text = () => bytes().toString()
  const run = async (): Promise<LogEnd> => {
    const id = ref ?? (await client.listJobs()).jobs[0]?.id
    const onBreak = () => {
      state.breaks += 1
    }
    for await (const item of client.followLogs(id as string, { onBreak, ...options })) {
      if (item.type === 'end') return item
      pieces.push(item)
    }
    throw new Error('it ended without saying how')
  }
  const ended = run()
  ended.catch(() => {})
  return {
    pieces,
    ended,
    bytes,
    text,
    get breaks() {
      return state.breaks
    },
    streams: () =>
      pieces.reduce<Record<string, string>>((all, { attempt, stream, bytes }) => {
        const key = `${attempt}/${stream}`
        all[key] = (all[key] ?? '') + Buffer.from(bytes)
        return all
      }, {}),
    until: (expected: string) =>
      condition(
        () => text() === expected,
        () => text(),
      ),
  }
}

async function condition(holds: () => boolean, shown: () => unknown = () => ''): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`it did not come true: ${JSON.stringify(shown())}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
