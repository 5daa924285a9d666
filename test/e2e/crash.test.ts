import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Anneal, build, isAlive, kill, processesOf, until } from '../support/anneal.js'

const COUNT = (lines: number) => `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i"; sleep 0.05; done`
const counted = (lines: number) => Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join('')

describe('a running training outlives everything around it', () => {
  let anneal: Anneal
  beforeAll(() => build())
  beforeEach(async () => {
    anneal = await Anneal.start({ devices: 1 })
  })
  afterEach(() => anneal.remove())

  /** Submits a job that counts lines and waits until some of them have arrived. */
  async function counting(lines: number) {
    const { id } = await anneal.submit({ command: COUNT(lines) })
    const job = await anneal.running(id)
    await until('the first lines', async () => (await anneal.log(id)).includes('line 5\n'))
    return { id, pid: job.attempts[0]?.pid as number }
  }

  async function goesOnAsIfNothing(id: string, pid: number, lines: number) {
    expect(isAlive(pid)).toBe(true)
    const before = (await anneal.log(id)).length
    const isDone = async () => (await anneal.show(id)).state === 'ended'
    await until('lines to flow again', async () => (await anneal.log(id)).length > before || (await isDone()), 10_000)
    const job = await anneal.ended(id, 60_000)
    expect(job.outcome).toMatchObject({ reason: 'completed' })
    expect(job.attempts).toHaveLength(1)
    expect(job.attempts[0]?.pid).toBe(pid)
    expect(await anneal.log(id)).toBe(counted(lines))
  }

  test('kill -9 of all but wrapper and training: the same process goes on, the log is whole', async () => {
    const { id, pid } = await counting(300)
    await anneal.killAll()
    const written = () => readFileSync(join(anneal.runFolder(id), 'logs/0'), 'utf8').split('\n').length
    const then = written()
    await until('it to write on with nobody there', () => written() > then + 10)
    await anneal.up({ devices: 1 })
    await goesOnAsIfNothing(id, pid, 300)
  })

  test("the same with Temporal's database deleted meanwhile", async () => {
    const { id, pid } = await counting(300)
    await anneal.killAll()
    rmSync(join(anneal.home, 'temporal'), { recursive: true })
    await anneal.up({ devices: 1 })
    await goesOnAsIfNothing(id, pid, 300)
  })

  test('while Temporal hangs, jobs start one after the other; their ends are written once it answers', async () => {
    const temporal = anneal.temporalPid() as number
    kill(temporal, 'SIGSTOP')
    const jobs = [await anneal.submit({ command: 'echo first' }), await anneal.submit({ command: 'echo second' })]
    for (const { id } of jobs) {
      await until('its process to have ended', async () =>
        (await anneal.events(id)).some(({ type }) => type === 'empty'),
      )
    }
    kill(temporal, 'SIGCONT')
    for (const { id } of jobs) expect(await anneal.ended(id)).toMatchObject({ outcome: { reason: 'completed' } })
  })

  test('Temporal alone killed: it is started again, and jobs submitted and stopped meanwhile are done', async () => {
    const { id, pid } = await counting(100)
    kill(anneal.temporalPid() as number, 'SIGKILL')
    const later = await anneal.submit({ command: 'echo later' })
    const unwanted = await anneal.submit({ command: 'sleep 100' })
    expect(await anneal.stop(unwanted.id)).toBe(202)
    await goesOnAsIfNothing(id, pid, 100)
    expect((await anneal.ended(later.id)).outcome?.reason).toBe('completed')
    expect((await anneal.ended(unwanted.id)).outcome?.reason).toBe('stopped')
  })

  test('the wrapper killed too: exit unknown, the device free, no second process', async () => {
    const { id, pid } = await counting(2000)
    const wrapper = JSON.parse(readFileSync(join(anneal.runFolder(id), 'wrapper.json'), 'utf8')) as { pid: number }
    await anneal.killAll()
    kill(wrapper.pid, 'SIGKILL')
    await until('the wrapper to be gone', () => !isAlive(wrapper.pid))
    await anneal.up({ devices: 1 })
    const job = await anneal.ended(id)
    expect(job.outcome?.reason).toBe('exit_unknown')
    expect(isAlive(pid)).toBe(false)
    expect(job.attempts).toHaveLength(1)
    const next = await anneal.submit({ command: 'true' })
    expect((await anneal.ended(next.id)).outcome?.reason).toBe('completed')
    expect(processesOf(anneal.home)).toEqual([])
  })

  test('the training killed under `retry`: the next attempt resumes from the last checkpoint, both logs are kept', async () => {
    const command = [
      'n=0; [ -n "$ANNEAL_RESUME_FROM" ] && n=$(cat "$ANNEAL_RESUME_FROM") && echo "resumed at $n"',
      'while [ $n -lt 40 ]; do n=$((n+1)); echo $n > $ANNEAL_CHECKPOINT_DIR/c.tmp && mv $ANNEAL_CHECKPOINT_DIR/c.tmp $ANNEAL_CHECKPOINT_DIR/c-$n; echo step $n; sleep 0.05; done',
    ].join('\n')
    const { id } = await anneal.submit({ command, retry: { maxAttempts: 3, backoff: { initial: '300ms' } } })
    const first = (await anneal.running(id)).attempts[0]?.pid as number
    await until('some steps', async () => (await anneal.log(id)).includes('step 10\n'))
    kill(first, 'SIGKILL')
    const job = await anneal.ended(id, 30_000)
    expect(job.outcome?.reason).toBe('completed')
    expect(job.attempts.map((attempt) => attempt.outcome?.reason)).toEqual(['process_failed', 'completed'])
    expect(job.attempts[1]?.resumedFrom).toMatch(/c-\d+$/)
    const [a, b] = [await anneal.log(id, 1), await anneal.log(id, 2)]
    const last = Number(/step (\d+)\n$/.exec(a)?.[1])
    expect(Number(/^resumed at (\d+)/.exec(b)?.[1])).toBeGreaterThanOrEqual(last - 1)
    expect(b.endsWith('step 40\n')).toBe(true)
  })
})
