import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Anneal, build, kill, until } from '../support/anneal.js'

let anneal: Anneal
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 1 })
})
afterAll(() => anneal?.remove())

const RETRY = { maxAttempts: 3, backoff: { initial: '300ms' } }
/** Saves step after step until it is told to hang in the middle of one; goes on from the last when it is started again. */
const TRAINING = `
n=0; [ -n "$ANNEAL_RESUME_FROM" ] && n=$(cat "$ANNEAL_RESUME_FROM/step") && echo "resumed at $n"
[ $n -gt 0 ] && exit 0
while [ $n -lt 3 ]; do
  n=$((n + 1)); d="$ANNEAL_CHECKPOINT_DIR/step-$n"; mkdir -p $d; echo $n > $d/step
  echo "{\\"checkpoint\\": \\"step-$n\\"}" >> $ANNEAL_METRICS_FILE
done
mkdir -p $ANNEAL_CHECKPOINT_DIR/step-4; printf 4 > $ANNEAL_CHECKPOINT_DIR/step-4/step; echo writing; sleep 300`

test('a training killed in the middle of writing resumes from its last whole checkpoint, and the lost work is said', async () => {
  const { id } = await anneal.submit({ command: TRAINING, retry: RETRY })
  await commits(id, 3)
  await sleepFor(id, 1_100)
  kill((await anneal.running(id)).attempts[0]?.pid as number, 'SIGKILL')
  const job = await anneal.ended(id)
  expect(job.outcome?.reason).toBe('completed')
  expect(job.attempts[1]?.resumedFrom).toMatch(/step-3$/)
  expect(await anneal.log(id, 2)).toBe('resumed at 3\n')
  const lost = job.attempts[0]?.lostMs as number
  const ran = (job.attempts[0]?.clocks.runningMs ?? 0) + (job.attempts[0]?.clocks.savingMs ?? 0)
  expect(lost).toBeGreaterThanOrEqual(1_000)
  expect(lost).toBeLessThanOrEqual(ran)
  expect((await eventsOf(id, 'started'))[1]).toMatchObject({ lostMs: lost, resumeVerified: true })
  expect(job.attempts[1]?.lostMs).toBeNull()
})

test('a damaged checkpoint is passed over by name, and without any the whole running time is lost', async () => {
  const { id } = await anneal.submit({ command: TRAINING, retry: RETRY })
  await commits(id, 3)
  const folder = join(anneal.home, 'host/runs', id, 'checkpoints')
  await until('the manifests', () => manifests(folder).length === 3)
  for (const step of ['step-3', 'step-2']) writeFileSync(join(folder, step, 'step'), '')
  rmSync(join(folder, 'step-1'), { recursive: true })
  kill((await anneal.running(id)).attempts[0]?.pid as number, 'SIGKILL')
  await anneal.job(id, 'in its second attempt', (job) => job.attempts[1]?.startedAt != null)
  expect((await eventsOf(id, 'checkpoint_damaged')).map(({ message }) => message)).toEqual([
    'checkpoint step-3 is damaged: step has 0 of 2 bytes; starting from the beginning',
    'checkpoint step-2 is damaged: step has 0 of 2 bytes; starting from the beginning',
  ])
  const { attempts } = await anneal.show(id)
  const { runningMs, savingMs } = attempts[0]?.clocks ?? { runningMs: 0, savingMs: 0 }
  expect(attempts[0]?.lostMs).toBe(runningMs + savingMs)
  await anneal.stop(id)
  await anneal.ended(id)
})

test('a shared folder that is none here is refused in words, and one that is wrong at the submit', async () => {
  const { id } = await anneal.submit({ command: 'true', checkpoints: { shared: '/no/such/folder' } })
  expect((await anneal.ended(id)).outcome).toMatchObject({
    reason: 'setup_failed',
    message: expect.stringContaining('checkpoints.shared: /no/such/folder does not exist on this host'),
  })
  for (const shared of ['ckpt', '/a/../b', '/', '']) {
    await expect(anneal.submit({ command: 'true', checkpoints: { shared } })).rejects.toThrow(/checkpoints.shared/)
  }
})

test('a shared folder holds the checkpoints with index and manifests, in a place of the job', async () => {
  const shared = mkdtempSync(join(tmpdir(), 'anneal-shared-'))
  const { id } = await anneal.submit({ command: TRAINING, retry: RETRY, checkpoints: { shared } })
  await commits(id, 3)
  await until('the manifests', () => readdirSync(shared).includes(`${id}.manifests`))
  expect(readdirSync(shared).sort()).toEqual([id, `${id}.jsonl`, `${id}.manifests`])
  await anneal.stop(id)
  await anneal.ended(id)
  rmSync(shared, { recursive: true })
})

function manifests(folder: string): string[] {
  const place = `${folder}.manifests`
  return existsSync(place) ? readdirSync(place).filter((name) => name.endsWith('.json')) : []
}

async function commits(id: string, count: number): Promise<void> {
  await until(`${count} checkpoints`, async () => (await eventsOf(id, 'checkpoint')).length >= count)
}

async function eventsOf(id: string, type: string) {
  return (await anneal.events(id)).filter((event) => event.type === type).map(({ data }) => data)
}

/** Until the job has run that long after its last checkpoint. */
async function sleepFor(id: string, ms: number): Promise<void> {
  const at = Math.max(...(await eventsOf(id, 'checkpoint')).map(({ committedAt }) => committedAt as number))
  await until('time to have passed', () => Date.now() - at >= ms)
}
