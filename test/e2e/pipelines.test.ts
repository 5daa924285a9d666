import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PipelineView } from '../../src/schema/pipeline-view.js'
import { Anneal, build, kill, processesOf, until } from '../support/anneal.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

describe('pipelines from the command line', () => {
  let anneal: Anneal
  let folder: string
  beforeAll(() => build())
  beforeEach(async () => {
    anneal = await Anneal.start({ devices: 2 })
    folder = join(anneal.home, 'work')
    mkdirSync(folder)
  })
  afterEach(() => anneal.remove())

  /** Runs the program; it must not outlive the test. */
  async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [MAIN, ...args, '--home', anneal.home], { cwd: folder })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => (stdout += data))
    child.stderr.on('data', (data) => (stderr += data))
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)))
    return { code, stdout, stderr }
  }

  function write(steps: string, more = ''): string {
    const lines = steps.trim().split('\n')
    writeFileSync(
      join(folder, 'p.yaml'),
      `pipeline:\n  name: p\n${more}  steps:\n${lines.map((line) => `    ${line}\n`).join('')}`,
    )
    return 'p.yaml'
  }

  async function submit(steps: string, ...flags: string[]): Promise<string> {
    const { code, stdout, stderr } = await cli('pipeline', 'submit', write(steps), ...flags)
    if (code !== 0) throw new Error(stderr)
    return stdout.trim()
  }

  const show = async (id: string) => (await anneal.request('GET', `/api/v1/pipelines/${id}`)).json as PipelineView
  const step = async (id: string, key: string) => (await show(id)).members.find((one) => one.key === key)
  const reaches = (id: string, what: string, isSo: (pipeline: PipelineView) => boolean, within = 60_000) =>
    until(
      `pipeline to be ${what}`,
      async () => {
        const seen = await show(id)
        return isSo(seen) ? seen : undefined
      },
      within,
    )
  const ended = (id: string) => reaches(id, 'ended', ({ state }) => state === 'ended')
  const running = (id: string, key: string) =>
    until(
      `${key} to run`,
      async () => {
        const job = (await step(id, key))?.job
        return job?.state === 'running' && (await anneal.show(job.id)).attempts[0]?.pid
      },
      60_000,
    )
  /** Each step adds a line to `ran`, so that one that ran twice is seen. */
  const ran = () => readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n').sort()
  const says = (key: string, then = 'true') => `command: 'echo ${key} >> ${join(folder, 'ran')}; ${then}'`

  test('prepare, two at once, a join: each runs once, after what it needs, with its folder', async () => {
    writeFileSync(join(folder, 'data.txt'), 'digits')
    const id = await submit(`
prepare:
  workdir: .
  ${says('prepare', 'cat data.txt')}
train:
  needs: prepare
  forEach: [adam, sgd]
  ${says('{{item}}', 'echo $ANNEAL_STEP_PREPARE_JOB')}
join:
  needs: [train]
  ${says('join', 'echo $ANNEAL_STEP_TRAIN_JOB')}`)
    expect(await cli('pipeline', 'wait', id)).toMatchObject({
      code: 0,
      stdout: `${id}  p  completed: 4 of 4 steps were done.\n`,
    })
    expect(ran()).toEqual(['adam', 'join', 'prepare', 'sgd'])
    const jobs = (await show(id)).members.map(({ job }) => job?.id)
    expect((await cli('pipeline', 'logs', id, 'prepare')).stdout).toBe('digits')
    expect((await cli('pipeline', 'logs', id, 'train.sgd')).stdout).toBe(`${jobs[0]}\n`)
    expect((await cli('pipeline', 'logs', id, 'join')).stdout).toBe(`${jobs[1]} ${jobs[2]}\n`)
    expect((await cli('list', '--group', id, '--json')).stdout).toContain('"p-train-adam"')
    expect((await cli('pipeline', 'show', id)).stdout).toMatch(/train\.adam +completed +prepare/)
    expect((await cli('show', 'p-join')).stdout).toContain(`pipeline p  ${id}, as join`)
  })

  test('a list that a step has written is fanned out; what needs it waits for all items', async () => {
    const id = await submit(`
prepare: { command: 'printf "adam\\nsgd\\n" > $ANNEAL_OUTPUT_DIR/variants' }
train:
  forEach: { step: prepare, path: variants }
  ${says('{{item}}', 'echo {{item}} > $ANNEAL_OUTPUT_DIR/model')}
join:
  inputs: { models: { step: train } }
  command: cat $ANNEAL_INPUT_DIR/models_adam/model $ANNEAL_INPUT_DIR/models_sgd/model`)
    expect(await cli('pipeline', 'wait', id)).toMatchObject({ code: 0 })
    expect(ran()).toEqual(['adam', 'sgd'])
    expect((await cli('pipeline', 'logs', id, 'join')).stdout).toBe('adam\nsgd\n')
    expect((await show(id)).members.map(({ key }) => key)).toEqual(['prepare', 'train.adam', 'train.sgd', 'join'])
  })

  test('a failed step: what needs it is skipped; resumed with a mended file it goes on, and what was done is not done again', async () => {
    const id = await submit(`
a:
  ${says('a')}
b:
  needs: a
  ${says('b', 'exit 3')}
c:
  needs: b
  ${says('c')}`)
    expect(await cli('pipeline', 'wait', id)).toMatchObject({ code: 1 })
    expect((await cli('pipeline', 'show', id)).stdout).toContain('b failed: process_failed')
    write(`
a:
  ${says('a')}
b:
  needs: a
  ${says('b')}
c:
  needs: b
  ${says('c')}`)
    expect((await cli('pipeline', 'resume', id, '--file', 'p.yaml')).code).toBe(0)
    expect((await cli('pipeline', 'wait', id)).code).toBe(0)
    expect(ran()).toEqual(['a', 'b', 'b', 'c'])
  })

  test('a gate holds no device and waits for a person, or until its limit', async () => {
    const steps = (timeout: string) => `
a:
  ${says('a')}
gate:
  needs: a
  approve: { timeout: ${timeout} }
b:
  needs: gate
  ${says('b')}`
    const id = await submit(steps('1h'))
    await reaches(id, 'asking', ({ members }) => members.some(({ asksUntil }) => asksUntil !== null))
    const pools = (await anneal.request('GET', '/api/v1/pools')).json as { pools: { free: number }[] }
    expect(pools.pools[0]?.free).toBe(2)
    expect((await cli('approve', id, '--reason', 'good enough')).code).toBe(0)
    expect((await ended(id)).outcome?.reason).toBe('completed')
    const unanswered = await submit(steps('300ms'))
    expect((await ended(unanswered)).outcome?.message).toBe('Failed: gate (denied); 1 skipped.')
    expect(ran()).toEqual(['a', 'a', 'b'])
  })

  test('stopped in the middle it ends, gives its devices back, and nothing of it lives', async () => {
    const id = await submit(`
a: { forEach: [x, y], command: sleep 300 }
b: { needs: a, command: 'true' }`)
    await running(id, 'a.x')
    await running(id, 'a.y')
    expect((await cli('pipeline', 'stop', id, '--wait')).code).toBe(0)
    expect(await show(id)).toMatchObject({ state: 'ended', outcome: { reason: 'stopped' } })
    expect((await cli('pipeline', 'wait', id)).code).toBe(27)
    const pools = (await anneal.request('GET', '/api/v1/pools')).json as { pools: { free: number }[] }
    expect(pools.pools[0]?.free).toBe(2)
    expect(processesOf(anneal.home)).toEqual([])
  })

  test('a step that was done before is taken over, unless one says otherwise', async () => {
    const steps = `
a:
  cache: true
  ${says('a')}`
    const first = await submit(steps)
    await ended(first)
    const second = await submit(steps)
    expect((await ended(second)).members).toMatchObject([{ takenFrom: first, jobs: 0 }])
    expect((await cli('pipeline', 'show', second)).stdout).toMatch(/a +cached/)
    await ended(await submit(steps, '--no-cache'))
    expect(ran()).toEqual(['a', 'a'])
  })

  test('errors stand at their line and column', async () => {
    const { code, stderr } = await cli(
      'pipeline',
      'submit',
      write(`
a: { needs: [b], command: 'true' }
b: { needs: [a], comand: 'true' }`),
    )
    expect(code).toBe(65)
    expect(stderr).toMatch(/p\.yaml:5:22 steps\.b\.comand: unknown key; did you mean command\?/)
    const cycle = await cli(
      'pipeline',
      'submit',
      write(`
a: { needs: [b], command: 'true' }
b: { needs: [a], command: 'true' }`),
    )
    expect(cycle.stderr).toMatch(/p\.yaml:4:10 steps\.a\.needs: is part of a cycle: a → b → a/)
    const item = await cli(
      'pipeline',
      'submit',
      write(`
a: { forEach: [adam], command: 'true' }
b: { inputs: { d: { step: a.adan } }, command: 'true' }`),
    )
    expect(item.stderr).toMatch(/p\.yaml:5:25 steps\.b\.inputs\.d\.step: a has no item adan; did you mean adam\?/)
  })

  test('without a file: a job runs after another one, and ends with the reason where that fails', async () => {
    writeFileSync(join(folder, 'job.yaml'), 'name: second\ncommand: echo two\n')
    const first = await anneal.submit({ name: 'first', command: 'sleep 1' })
    const failing = await anneal.submit({ name: 'failing', command: 'sleep 1; exit 4' })
    const second = (await cli('submit', 'job.yaml', '--after', first.id, '--after', 'failing')).stdout.trim()
    const third = (await cli('submit', 'job.yaml', '--after', 'failing:completed')).stdout.trim()
    const { startedAt } = await anneal.ended(second, 60_000)
    const { endedAt } = await anneal.show(first.id)
    expect(Date.parse(startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(endedAt ?? ''))
    expect(await cli('wait', third)).toMatchObject({ code: 37, stdout: expect.stringContaining(failing.id) })
    expect((await cli('submit', 'job.yaml', '--after', 'failing:perhaps')).stderr).toContain('--after after[0].outcome')
  })

  const long = () => `
a:
  ${says('a', 'sleep 2')}
b:
  needs: a
  forEach: [x, y]
  ${says('b{{item}}', 'sleep 4')}
c:
  needs: b
  ${says('c', 'sleep 1')}`

  test.each([
    ['everything killed in the middle', false],
    ["everything killed and Temporal's database deleted", true],
  ])('%s: it goes on, and no step runs twice', async (_, isDeleted) => {
    const id = await submit(long())
    await running(id, 'b.x')
    await anneal.killAll()
    if (isDeleted) rmSync(join(anneal.home, 'temporal'), { recursive: true })
    await anneal.up({ devices: 2 })
    expect((await ended(id)).outcome).toMatchObject({ reason: 'completed' })
    expect(ran()).toEqual(['a', 'bx', 'by', 'c'])
  })

  test('Temporal alone killed while a step ends: the next one begins when it is back', async () => {
    const id = await submit(long())
    await running(id, 'a')
    kill(anneal.temporalPid() as number, 'SIGKILL')
    expect((await ended(id)).outcome).toMatchObject({ reason: 'completed' })
    expect(ran()).toEqual(['a', 'bx', 'by', 'c'])
  })
})
