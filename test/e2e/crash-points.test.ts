import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { create } from 'tar'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../../src/store/ids.js'
import { Anneal, build, processesOf, until } from '../support/anneal.js'

/**
 * What happens around a crash: a whole life with setup and log, one that waits for its device, one whose first attempt fails, one that
 * leaves a process behind, one that somebody stops, or one that a limit stops.
 */
type Story = 'life' | 'waits' | 'retries' | 'leftovers' | 'stop' | 'limit'
const REASON = {
  life: 'completed',
  waits: 'completed',
  retries: 'completed',
  leftovers: 'completed',
  stop: 'stopped',
  limit: 'run_time_limit',
}

/** Every named crash point of the code, and a story that passes it. */
const POINTS: Record<string, Story> = {
  'submit.committed': 'life',
  'nudger.delivered': 'life',
  'activity.look-committed': 'life',
  'activity.begin-committed': 'retries',
  'server.begun': 'waits',
  'activity.settle-committed': 'life',
  'agent.folder-made': 'life',
  'agent.accepted-written': 'life',
  'agent.wrapper-spawned': 'life',
  'agent.setup-done-written': 'life',
  'agent.started-written': 'life',
  'agent.manifest-half': 'life',
  'agent.exited-written': 'life',
  'agent.empty-written': 'leftovers',
  'agent.done-written': 'life',
  'server.facts-started': 'life',
  'server.facts-empty': 'life',
  'logs.appended': 'life',
  'logs.finished': 'life',
  'blob.renamed': 'life',
  'stop.committed': 'stop',
  'activity.stop-committed': 'limit',
}

let anneal: Anneal
beforeAll(() => {
  build()
  build('--crash-points')
})
afterEach(() => anneal?.remove())

test.each(Object.entries(POINTS))('dying at %s loses and doubles nothing (%s)', async (point, story) => {
  anneal = await Anneal.start({ devices: 1, crashAt: point })
  const id = await tell(story)
  await until(`it to die at ${point}`, () => anneal.hasEnded(), 30_000)
  await anneal.up({ devices: 1 })
  const again = await tell(story) // the user's own retry, with the same key
  if (id !== undefined) expect(again).toBe(id)
  const job = await anneal.ended(again as string, 30_000)

  expect(job.outcome?.reason).toBe(REASON[story])
  if (story === 'life' || story === 'waits') {
    expect(await anneal.log(job.id)).toBe('once\n1\n2\n3\n4\n5\n')
    expect(job.attempts).toHaveLength(1)
  }
  const all = (await anneal.request('GET', '/api/v1/jobs')).json as { jobs: unknown[] }
  expect(all.jobs).toHaveLength(story === 'waits' ? 2 : 1)
  expect(processesOf(anneal.home)).toEqual([])
  const pools = (await anneal.request('GET', '/api/v1/pools')).json
  expect(pools).toMatchObject({ pools: [{ free: 1, waiting: 0 }] })
})

/** Submits with a key; undefined when the server died before it could answer. */
async function tell(story: Story): Promise<string | undefined> {
  const workdir = await upload()
  const command = 'mkdir once 2>/dev/null && echo once || echo twice; for i in 1 2 3 4 5; do echo $i; sleep 0.05; done'
  const saves = `echo 1 > $ANNEAL_CHECKPOINT_DIR/c; echo '{"checkpoint": "c"}' >> $ANNEAL_METRICS_FILE`
  const life = { setup: 'cat data.txt', command: `${command}; ${saves}`, workdir: { blob: workdir } }
  const endless = { command: 'sleep 300', timeouts: story === 'limit' ? { run: '300ms' } : {} }
  const leftovers = { command: 'sleep 300 & echo done' }
  const retry = { maxAttempts: 2, backoff: { initial: '100ms' } }
  const retries = { command: 'test "$ANNEAL_ATTEMPT" = 2', retry }
  const spec = { life, waits: life, retries, leftovers, stop: endless, limit: endless }[story]
  if (story === 'waits') await anneal.submit({ name: 'holder', command: 'sleep 0.3' }, 'holder').catch(() => undefined)
  const job = await anneal.submit(spec, 'the-key').catch(() => undefined)
  if (job && story === 'stop') await anneal.stop(job.id).catch(() => undefined)
  return job?.id
}

/** A packed folder with one file in it, uploaded; the server may die of it. */
async function upload(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-workdir-'))
  writeFileSync(join(folder, 'data.txt'), 'data')
  const file = join(folder, 'packed.tar')
  await create({ file, cwd: folder, portable: true, mtime: new Date(0) }, ['data.txt'])
  const bytes = readFileSync(file)
  rmSync(folder, { recursive: true })
  const hash = sha256(bytes)
  const token = readFileSync(join(anneal.home, 'token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
  await fetch(`${anneal.url}/api/v1/blobs/${hash}`, { method: 'PUT', headers, body: bytes }).catch(() => undefined)
  return hash
}

test('every crash point of the code stands in this table', () => {
  const source = fileURLToPath(new URL('../../src', import.meta.url))
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && name !== 'crash-point.ts',
  )
  const text = files.map((name) => readFileSync(join(source, name), 'utf8')).join('\n')
  const named = [...text.matchAll(/crashPoint\('([^']+)'\)/g)].map((match) => match[1])
  // e2e/hosted, e2e/checkpoint-moves and e2e/sweeps die at those
  const elsewhere = named.filter((name) => /^(remote|move)\.|^activity\.group-/.test(name ?? ''))
  expect([...Object.keys(POINTS), ...elsewhere]).toEqual(expect.arrayContaining(named))
})
