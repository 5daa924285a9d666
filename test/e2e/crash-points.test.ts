import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { create } from 'tar'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { PipelineView } from '../../src/schema/pipeline-view.js'
import type { FireView, ScheduleView } from '../../src/schema/schedule.js'
import type { WebhookView } from '../../src/schema/webhook.js'
import { sha256 } from '../../src/store/ids.js'
import { Anneal, build, processesOf, until } from '../support/anneal.js'
import { Receiver } from '../support/receiver.js'

/**
 * What happens around a crash: a whole life with setup and log, one that waits for its device, one whose first attempt fails, one that
 * leaves a process behind, one that somebody stops, one that a limit stops, one that a step of a pipeline waits for, one that a
 * schedule submits, or one whose end a webhook hears of.
 */
type Story = 'life' | 'waits' | 'retries' | 'leftovers' | 'stop' | 'limit' | 'pipeline' | 'schedule' | 'webhook'
const REASON = {
  life: 'completed',
  waits: 'completed',
  retries: 'completed',
  leftovers: 'completed',
  stop: 'stopped',
  limit: 'run_time_limit',
  pipeline: 'completed',
  schedule: 'completed',
  webhook: 'completed',
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
  'metrics.appended': 'life',
  'blob.renamed': 'life',
  'stop.committed': 'stop',
  'activity.stop-committed': 'limit',
  'activity.group-committed': 'pipeline',
  'schedule.fire-written': 'schedule',
  'schedule.fire-committed': 'schedule',
  'webhook.claimed': 'webhook',
  'webhook.answered': 'webhook',
}
/** What its process had taken is left to another after half a minute. */
const DELIVERED_WITHIN = 50_000
const env = { ANNEAL_ALLOW_PRIVATE_WEBHOOKS: '1' }

let anneal: Anneal
let receiver: Receiver
beforeAll(async () => {
  build()
  build('--crash-points')
})
beforeEach(async () => {
  receiver = await Receiver.start()
})
afterEach(() => Promise.all([anneal?.remove(), receiver.close()]))

test.each(Object.entries(POINTS))(
  'dying at %s loses and doubles nothing (%s)',
  async (point, story) => {
    anneal = await Anneal.start({ devices: 1, crashAt: point, env })
    const id = await tell(story)
    await until(`it to die at ${point}`, () => anneal.hasEnded(), 30_000)
    await anneal.up({ devices: 1, env })
    const again = await tell(story) // the user's own retry, with the same key
    if (id !== undefined) expect(again).toBe(id)
    const job = await anneal.ended(again as string, 30_000)

    expect(job.outcome?.reason).toBe(REASON[story])
    if (story === 'life' || story === 'waits') {
      expect(await anneal.log(job.id)).toBe('once\n1\n2\n3\n4\n5\n')
      expect(job.attempts).toHaveLength(1)
    }
    const all = (await anneal.request('GET', '/api/v1/jobs')).json as { jobs: unknown[] }
    expect(all.jobs).toHaveLength(story === 'waits' || story === 'pipeline' ? 2 : 1)
    if (story === 'schedule') await expectOneFire(job.id)
    if (story === 'webhook') await expectOneMessage(job.id, point === 'webhook.answered' ? 2 : 1)
    expect(processesOf(anneal.home)).toEqual([])
    const pools = (await anneal.request('GET', '/api/v1/pools')).json
    expect(pools).toMatchObject({ pools: [{ free: 1, waiting: 0 }] })
  },
  120_000,
)

/** Submits with a key; undefined when the server died before it could answer. */
async function tell(story: Story): Promise<string | undefined> {
  if (story === 'pipeline') return tellPipeline()
  if (story === 'schedule') return tellSchedule()
  if (story === 'webhook') return tellWebhook()
  const workdir = await upload()
  const command = 'mkdir once 2>/dev/null && echo once || echo twice; for i in 1 2 3 4 5; do echo $i; sleep 0.05; done'
  const saves = `echo 1 > $ANNEAL_CHECKPOINT_DIR/c; echo '{"checkpoint": "c", "loss": 1}' >> $ANNEAL_METRICS_FILE`
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

/** Two steps, the second of which gives its job; with a key, like the others. */
async function tellPipeline(): Promise<string | undefined> {
  const steps = { a: { command: 'true' }, b: { needs: 'a', command: 'true' } }
  const body = { name: 'p', steps }
  const path = '/api/v1/pipelines'
  const asked = await anneal.request('POST', path, body, { 'idempotency-key': 'the-key' }).catch(() => undefined)
  if (!asked || anneal.hasEnded()) return undefined
  const { id } = asked.json as { id: string }
  const last = async () => ((await anneal.request('GET', `${path}/${id}`)).json as PipelineView).members[1]?.job?.id
  return orDeath('the second step to have a job', last)
}

const DAY = 24 * 3_600_000

/** One whose only time comes in two seconds; gives the job that stands for it. */
async function tellSchedule(): Promise<string | undefined> {
  const offset = `${(Date.now() + 2_000) % DAY}ms`
  const body = { name: 's', schedule: { every: '1d', offset }, job: { name: 'fired', command: 'true' } }
  await anneal.request('POST', '/api/v1/schedules', body).catch(() => undefined) // the second time it is there
  return orDeath('the schedule to fire', async () => (await fires())[0]?.jobId ?? undefined)
}

async function fires(): Promise<FireView[]> {
  return ((await anneal.request('GET', '/api/v1/schedules/s')).json as ScheduleView).fires
}

async function expectOneFire(jobId: string): Promise<void> {
  expect(await fires()).toMatchObject([{ kind: 'time', state: 'submitted', jobId }])
}

/** Makes the webhook where there is none yet, and gives the job once its end was told. */
async function tellWebhook(): Promise<string | undefined> {
  if ((await webhooks()).length === 0)
    await anneal.request('POST', '/api/v1/webhooks', { url: receiver.url, on: ['ended'] })
  const job = await anneal.submit({ command: 'true' }, 'the-key')
  return orDeath(
    'the message to be taken',
    async () => ((await webhooks())[0]?.deliveries[0]?.state === 'delivered' ? job.id : undefined),
    DELIVERED_WITHIN,
  )
}

async function webhooks(): Promise<WebhookView[]> {
  const { webhooks: all } = (await anneal.request('GET', '/api/v1/webhooks')).json as { webhooks: WebhookView[] }
  const shown = all.map(({ id }) => anneal.request('GET', `/api/v1/webhooks/${id}`))
  return (await Promise.all(shown)).map(({ json }) => json as WebhookView)
}

/** One message, which has come so often, each time under the same id and with the same words. */
async function expectOneMessage(jobId: string, times: number): Promise<void> {
  expect(receiver.seen).toHaveLength(times)
  const [first] = receiver.seen
  expect(JSON.parse(first?.body ?? '')).toMatchObject({ type: 'job.ended', data: { job: { id: jobId } } })
  for (const { headers, body } of receiver.seen)
    expect([headers['webhook-id'], body]).toEqual([first?.headers['webhook-id'], first?.body])
  expect((await webhooks())[0]).toMatchObject({ pending: 0, dead: 0, deliveries: [{ attempts: 2 }] })
}

/** What `look` gives in the end; undefined where the server has died before. */
async function orDeath(what: string, look: () => Promise<string | undefined>, within = 30_000) {
  const found = await until(
    what,
    async () => (anneal.hasEnded() ? 'died' : await look().catch(() => undefined)),
    within,
  )
  return found === 'died' ? undefined : found
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
  // e2e/hosted, e2e/checkpoint-moves and e2e/artifact-crashes die at those
  const elsewhere = named.filter((name) => /^(remote|move|artifact)\./.test(name ?? ''))
  expect([...Object.keys(POINTS), ...elsewhere]).toEqual(expect.arrayContaining(named))
})
