import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fenceAfter } from '../../src/schema/agent.js'
import type { HostView, JobView } from '../../src/schema/view.js'
import { Anneal, build, isAlive, kill, processesOf, until } from '../support/anneal.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const LEASE_MS = 8_000
/** What the whole takes when nothing is slow, and as much again. */
const PATIENCE = 2 * fenceAfter({ leaseMs: LEASE_MS, graceMs: 1_000 })

const folder = mkdtempSync(join(tmpdir(), 'anneal-silence-'))
let anneal: Anneal
const agents: ChildProcess[] = []
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 1, env: { ANNEAL_TEST_LEASE_MS: String(LEASE_MS) } })
}, 120_000)
afterAll(async () => {
  for (const agent of agents) agent.kill('SIGKILL')
  for (const pid of processesOf(folder)) kill(pid, 'SIGKILL')
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/**
 * The kernel frees the lock with the last process of the tree: a second tree meanwhile is seen, whatever became of the
 * first one's folder, pid or parent.
 */
const TRAINING = [
  'exec 9>>"$LOCK"; flock -n 9 || echo twice >>"$TWICE"',
  'echo $ANNEAL_ATTEMPT >>"$RAN"',
  '[ $ANNEAL_ATTEMPT -gt 1 ] && exit 0',
  'while :; do sleep 0.1; done',
].join('\n')

test('in a pool that fences, jobs go on elsewhere, and never twice at once, when an agent is killed, frozen or cut off; the hosts are good again when they come back', async () => {
  const network = await newNetwork(anneal.port)
  const tokens = new Map<string, string>()
  const start = async (name: string, devices = 1) => {
    if (!tokens.has(name)) tokens.set(name, await newToken())
    return startHost(name, tokens.get(name) as string, name === 'cut' ? network.url : anneal.url, devices)
  }
  let [killed, frozen] = [await start('killed'), await start('frozen'), await start('cut')]
  await until('the hosts', async () => (await hosts()).filter(({ pool }) => pool === 'fenced').length === 3)
  const set = await anneal.request('POST', '/api/v1/pools/fenced', { onSilence: 'fence' })
  expect(set.json).toMatchObject({ name: 'fenced', onSilence: 'fence' })
  const jobs = await Promise.all(['one', 'two', 'three'].map(submit))
  const running = await Promise.all(jobs.map(({ id }) => anneal.running(id)))
  expect(running.map(({ attempts }) => attempts[0]?.host).sort()).toEqual(['cut', 'frozen', 'killed'])
  // With a beat that says so they are under the lease, as far as the server knows.
  for (const job of running) await until('its lease', () => existsSync(join(runFolder(job), 'lease')))
  const { hosts: before } = { hosts: await hosts() }
  await until('two beats of each', async () =>
    (await hosts()).every((host) => Date.parse(host.lastSeenAt) > Date.parse(lastSeen(before, host)) + 6_000),
  )
  await start('spare', 3)

  killed.kill('SIGKILL')
  frozen.kill('SIGSTOP')
  network.cut()
  const ended = await Promise.all(jobs.map(({ id }) => anneal.ended(id, PATIENCE)))
  for (const [i, job] of ended.entries()) {
    expect(job.outcome?.reason).toBe('completed')
    expect(job.attempts.map(({ outcome }) => outcome?.reason)).toEqual(['host_lost', 'completed'])
    expect(job.attempts[1]?.host).toBe('spare')
    expect(isAlive(running[i]?.attempts[0]?.pid as number)).toBe(false)
    expect(readFileSync(join(folder, `${job.name}.ran`), 'utf8')).toBe('1\n2\n')
    expect(existsSync(join(folder, `${job.name}.twice`))).toBe(false)
  }

  killed = await start('killed')
  frozen.kill('SIGCONT')
  network.mend()
  await until('the hosts to be whole', async () => (await own()).every(isFree), 60_000)
  await anneal.request('POST', '/api/v1/hosts/spare/drain')
  const next = await Promise.all(
    [1, 2, 3].map((i) => anneal.submit({ name: `n${i}`, command: 'true', pool: 'fenced' })),
  )
  const done = await Promise.all(next.map(({ id }) => anneal.ended(id)))
  expect(done.map(({ outcome }) => outcome?.reason)).toEqual(['completed', 'completed', 'completed'])
}, 240_000)

function lastSeen(all: HostView[], { id }: HostView): string {
  return all.find((host) => host.id === id)?.lastSeenAt ?? '1970-01-01T00:00:00Z'
}

async function hosts(): Promise<HostView[]> {
  return ((await anneal.request('GET', '/api/v1/hosts')).json as { hosts: HostView[] }).hosts
}

async function own(): Promise<HostView[]> {
  return (await hosts()).filter(({ pool }) => pool === 'fenced')
}

function isFree({ connected, devices }: HostView): boolean {
  return connected && devices.every(({ state, heldBy }) => state === 'ok' && heldBy === null)
}

async function submit(name: string): Promise<JobView> {
  const file = (kind: string) => join(folder, `${name}.${kind}`)
  return anneal.submit({
    name,
    command: TRAINING,
    pool: 'fenced',
    env: { LOCK: file('lock'), TWICE: file('twice'), RAN: file('ran') },
    timeouts: { grace: '1s' },
    retry: { backoff: { initial: '100ms' } },
  })
}

function runFolder({ id, attempts }: JobView): string {
  return join(folder, 'host', attempts[0]?.host as string, 'runs', id, '1')
}

async function newToken(): Promise<string> {
  return ((await anneal.request('POST', '/api/v1/tokens', { role: 'host' })).json as { secret: string }).secret
}

/** An agent as its user runs it; resolves when it says that it is ready. */
async function startHost(name: string, token: string, url: string, devices: number): Promise<ChildProcess> {
  const home = join(folder, 'host', name)
  mkdirSync(home, { recursive: true })
  const args = ['host', '--home', home, '--url', url, '--name', name, '--pool', 'fenced', '--devices', String(devices)]
  const env = { ...process.env, ANNEAL_TOKEN: token }
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  agents.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  await until(`host ${name}: ${output}`, () => output.includes('ready host'))
  return child
}

/** A way to the server that can be cut, without a word to either end. */
async function newNetwork(port: number) {
  let isCut = false
  const sockets: Socket[] = []
  const proxy = createServer((near) => {
    sockets.push(near)
    near.on('error', () => undefined)
    if (isCut) return
    const far = connect(port, '127.0.0.1')
    sockets.push(far)
    far.on('error', () => undefined)
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(proxy.address() as { port: number }).port}`,
    cut() {
      isCut = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    mend() {
      isCut = false
      for (const socket of sockets) socket.destroy()
    },
  }
}
