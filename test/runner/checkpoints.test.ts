import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Checkpoints } from '../../src/runner/checkpoints.js'
import { MetricsFile } from '../../src/runner/metrics-file.js'
import { assignment, ended, newHome, newMachine, until } from './host-under-test.js'

describe('the last whole checkpoint', () => {
  it('is the newest that was declared and still exists', () => {
    const { checkpoints, add } = newCheckpoints()
    add('a', 1)
    add('b', 2)
    add('c', 3)
    checkpoints.commit('b')
    checkpoints.commit('gone')
    expect(checkpoints.last()).toBe(join(checkpoints.folder, 'b'))
  })

  it('is otherwise the newest folder that says it is complete', () => {
    const { checkpoints, add } = newCheckpoints()
    add('a/.complete', 1)
    add('b/.complete', 2)
    add('c/half', 3)
    expect(checkpoints.last()).toBe(join(checkpoints.folder, 'b'))
  })

  it('is otherwise the newest entry that does not look unfinished', () => {
    const { checkpoints, add } = newCheckpoints()
    add('step-9', 1)
    add('step-10', 1)
    for (const name of ['x.tmp', 'y.part', 'z.partial', '.hidden']) add(name, 5)
    expect(checkpoints.last()).toBe(join(checkpoints.folder, 'step-10'))
  })

  it('is none in an empty folder, and in none at all', () => {
    const { checkpoints } = newCheckpoints()
    expect(checkpoints.last()).toBeNull()
    expect(new Checkpoints('/no/such/folder').last()).toBeNull()
  })
})

describe('pruning', () => {
  it('keeps what was asked for, never fewer than two, and what was not declared', () => {
    const { checkpoints, add } = newCheckpoints()
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
      add(name, i)
      checkpoints.commit(name)
    }
    add('other', 9)
    checkpoints.prune(3)
    expect(left(checkpoints, ['a', 'b', 'c', 'd', 'other'])).toEqual(['b', 'c', 'd', 'other'])
    checkpoints.prune(1)
    expect(left(checkpoints, ['a', 'b', 'c', 'd', 'other'])).toEqual(['c', 'd', 'other'])
  })

  it('never touches a checkpoint that lies elsewhere', () => {
    const { checkpoints, add } = newCheckpoints()
    const elsewhere = join(newHome(), 'mine')
    writeFileSync(elsewhere, '')
    checkpoints.commit(elsewhere)
    for (const name of ['a', 'b', 'c']) add(name, 1)
    for (const name of ['a', 'b', 'c']) checkpoints.commit(name)
    checkpoints.prune(2)
    expect(existsSync(elsewhere)).toBe(true)
    expect(left(checkpoints, ['a', 'b', 'c'])).toEqual(['b', 'c'])
  })
})

it('a metrics file is followed over torn, odd and endless lines', () => {
  const path = join(newHome(), 'metrics.jsonl')
  const metrics = new MetricsFile(path)
  expect(metrics.read()).toEqual([])
  writeFileSync(path, '{"loss": 1}\n{"phase":"sav')
  expect(metrics.read()).toEqual([])
  writeFileSync(path, 'ing"}\n[1,2,"phase"]\n{"checkpoint": 5}\nnull "phase"\n{"checkpoint":"a"}\n', { flag: 'a' })
  expect(metrics.read()).toEqual([{ phase: 'saving' }, {}, {}, { checkpoint: 'a' }])
  writeFileSync(path, `{"x":"${'y'.repeat(3_000_000)}\n{"checkpoint":"b"}\n`, { flag: 'a' })
  expect(metrics.read()).toEqual([{ checkpoint: 'b' }])
})

it('a process that says it saves and commits is heard, and the next attempt resumes from there', async () => {
  const { server, home } = await newMachine()
  const script = `
    for i in 1 2 3; do
      mkdir "$ANNEAL_CHECKPOINT_DIR/step-$i"
      echo "{\\"checkpoint\\": \\"step-$i\\"}" >> "$ANNEAL_METRICS_FILE"
    done
    echo '{"phase": "saving"}' >> "$ANNEAL_METRICS_FILE"
    mkdir "$ANNEAL_CHECKPOINT_DIR/step-4-half"`
  const first = assignment(script, { keepCheckpoints: 2 })
  server.want(first)
  await ended(server, first)
  const folder = join(home, 'runs', first.jobId, 'checkpoints')
  expect(server.types(first)).toEqual([
    'accepted',
    'started',
    'checkpoint',
    'checkpoint',
    'checkpoint',
    'saving',
    'exited',
    'empty',
  ])
  expect(server.fact(first, 'checkpoint')?.path).toBe(join(folder, 'step-1'))
  expect(existsSync(join(folder, 'step-1'))).toBe(false)
  const second = assignment('echo $ANNEAL_RESUME_FROM', { jobId: first.jobId, attempt: 2, fence: 2 })
  const retried = assignment('echo $ANNEAL_RESUME_FROM', { checkpointsOf: first.jobId })
  for (const job of [second, retried]) {
    server.want(job)
    await ended(server, job)
    expect(server.fact(job, 'started')?.resumeFrom).toBe(join(folder, 'step-3'))
    await until('the log is there', () => server.log(job).toString() === `${join(folder, 'step-3')}\n`)
  }
})

function newCheckpoints() {
  const folder = join(newHome(), 'checkpoints')
  mkdirSync(folder)
  /** A file, or a folder when the name has a slash; its time is what counts as newer. */
  function add(name: string, seconds: number): void {
    const [top] = name.split('/') as [string]
    if (name !== top) mkdirSync(join(folder, top))
    writeFileSync(join(folder, name), '')
    utimesSync(join(folder, top), seconds, seconds)
  }
  return { checkpoints: new Checkpoints(folder), add }
}

function left(checkpoints: Checkpoints, names: string[]): string[] {
  return names.filter((name) => existsSync(join(checkpoints.folder, name)))
}
