import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HostView, JobView, StreamView } from '../../src/schema/view.js'
import { Anneal, build, isAlive, kill, until } from '../support/anneal.js'
import { SecondHost } from '../support/second-host.js'

let anneal: Anneal
let second: SecondHost
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 1 })
  second = await SecondHost.join(anneal, 'second')
})
afterAll(async () => {
  await second?.end()
  await anneal?.remove()
})

const TWO = { gpus: 1, nodes: 2 }

/** Learns w of y = 7x, each rank on its own half of the data; the gradients are summed over TCP. */
const ALL_REDUCE = `
import os, socket, struct, time
rank, size = int(os.environ['NODE_RANK']), int(os.environ['WORLD_SIZE'])
place = (os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))
def connect():
    while True:
        try: return socket.create_connection(place)
        except ConnectionRefusedError: time.sleep(0.02)
if rank == 0:
    server = socket.create_server(place)
    others = [server.accept()[0] for _ in range(size - 1)]
else:
    others = [connect()]
def exactly(s):
    data = b''
    while len(data) < 8: data += s.recv(8 - len(data)) or exit(9)
    return struct.unpack('d', data)[0]
def send(s, x): s.sendall(struct.pack('d', x))
def all_reduce(x):
    if rank == 0:
        total = x + sum(exactly(s) for s in others)
        for s in others: send(s, total)
        return total
    send(others[0], x)
    return exactly(others[0])
w, data = 0.0, [x for x in range(1, 9) if x % size == rank]
for step in range(100):
    w -= 0.002 * all_reduce(sum(2 * (w * x - 7 * x) * x for x in data))
    while os.environ.get('HOLD') and step == 50 and not os.path.exists(os.environ['HOLD']): time.sleep(0.02)
print(f'rank {rank} of {size}: w = {w:.3f}')
`
const train = ['python3', '-c', ALL_REDUCE]
const pidsOf = (job: JobView) => (job.attempts.at(-1)?.ranks ?? []).map(({ pid }) => pid as number)
const freeDevices = async () => {
  const { hosts } = (await anneal.request('GET', '/api/v1/hosts')).json as { hosts: HostView[] }
  return hosts.flatMap(({ devices }) => devices).filter(({ heldBy, state }) => heldBy === null && state === 'ok').length
}
const runningOnBoth = (id: string) =>
  anneal.job(id, 'running on both hosts', (job) => job.state === 'running' && pidsOf(job).length === 2)

test('two ranks on two hosts find each other, train together, and have a stream each', async () => {
  const { id } = await anneal.submit({ command: train, setup: 'echo preparing', resources: TWO })
  const job = await anneal.ended(id)
  expect(job.outcome).toMatchObject({ reason: 'completed', exitCode: 0 })
  expect(await anneal.log(id)).toBe('rank 0 of 2: w = 7.000\n')
  await until('the log of rank 1', async () => (await anneal.log(id, 1, '1')) === 'rank 1 of 2: w = 7.000\n')
  const { streams } = (await anneal.request('GET', `/api/v1/jobs/${id}/logs`)).json as { streams: StreamView[] }
  expect(streams.map(({ stream }) => stream)).toEqual(['setup', 'setup-1', '0', '1'])
  const [attempt] = job.attempts
  expect(attempt?.ranks.map(({ rank, end, devices }) => [rank, end, devices.length])).toEqual([
    [0, 'exit code 0', 1],
    [1, 'exit code 0', 1],
  ])
  expect(new Set(attempt?.ranks.map(({ host }) => host)).size).toBe(2)
  expect(attempt).toMatchObject({ host: attempt?.ranks[0]?.host, pid: attempt?.ranks[0]?.pid })
  expect(await freeDevices()).toBe(2)
})

test('a rank that is killed ends the attempt and the tree of the other; the retry starts after both and completes', async () => {
  const hold = join(anneal.home, 'hold')
  const { id } = await anneal.submit({
    command: train,
    env: { HOLD: hold },
    resources: TWO,
    retry: { backoff: { initial: '10ms', max: '10ms' }, on: { process_failed: 1 } },
  })
  const [zero, one] = pidsOf(await runningOnBoth(id)) as [number, number]
  kill(one, 'SIGKILL')
  await anneal.job(id, 'at its second attempt', (job) => job.attempts.length === 2)
  expect([zero, one].filter(isAlive)).toEqual([])
  writeFileSync(hold, '')
  const job = await anneal.ended(id)
  expect(job.outcome?.reason).toBe('completed')
  expect(job.attempts[0]?.outcome).toMatchObject({ reason: 'process_failed', exitCode: 137 })
  expect(job.attempts[0]?.outcome?.message).toMatch(/^Rank 1: The process ended with exit code 137/)
  const events = (await anneal.events(id)).map(({ type, attempt, data }) => `${type} ${attempt} ${data.rank ?? ''}`)
  const retried = events.indexOf('queued 2 ')
  for (const rank of [0, 1]) expect(events.indexOf(`empty 1 ${rank}`)).toBeLessThan(retried)
  expect(events.filter((event) => event.startsWith('started 2'))).toHaveLength(2)
})

test('a stop ends the trees on both hosts and frees them', async () => {
  const { id } = await anneal.submit({ command: 'echo up; exec sleep 300', resources: TWO })
  const pids = pidsOf(await runningOnBoth(id))
  await anneal.stop(id)
  expect((await anneal.ended(id)).outcome?.reason).toBe('stopped')
  expect(pids.filter(isAlive)).toEqual([])
  expect(await freeDevices()).toBe(2)
})

test('ranks outlive a crash of everything around them, on both hosts, and end as they would have', async () => {
  const hold = join(anneal.home, 'hold-2')
  const { id } = await anneal.submit({ command: train, env: { HOLD: hold }, resources: TWO })
  const pids = pidsOf(await runningOnBoth(id))
  await Promise.all([anneal.killAll(), second.end()])
  await anneal.up({ devices: 1 })
  await second.start()
  expect(pids.every(isAlive)).toBe(true)
  expect(existsSync(join(second.runFolder(id), 'exit')) || existsSync(join(anneal.runFolder(id), 'exit'))).toBe(false)
  writeFileSync(hold, '')
  const job = await anneal.ended(id)
  expect(job.outcome?.reason).toBe('completed')
  expect(pidsOf(job)).toEqual(pids)
  expect(await anneal.log(id)).toBe('rank 0 of 2: w = 7.000\n')
})

test('the one that waits for two hosts says so, and more hosts than there are is refused', async () => {
  const holder = await anneal.submit({ command: 'sleep 300' })
  await anneal.running(holder.id)
  const { id } = await anneal.submit({ command: train, resources: TWO })
  const waiting = await anneal.job(id, 'waiting', (job) => job.position === 1)
  expect(waiting.waitingFor).toBe('1st in pool default; needs 2 hosts with 1 device each, 1 such free')
  const spec = { name: 'wide', command: 'true', resources: { gpus: 1, nodes: 3 } }
  const refused = await anneal.request('POST', '/api/v1/jobs', spec)
  expect(refused).toMatchObject({ status: 422, json: { code: 'invalid_spec' } })
  expect(refused.text).toContain('resources.nodes: needs 3 hosts with 1 device each; pool default has 2 such')
  await anneal.stop(holder.id)
  expect((await anneal.ended(id)).outcome?.reason).toBe('completed')
})
