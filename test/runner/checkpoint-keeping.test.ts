import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readManifest } from '../../src/runner/checkpoint-manifest.js'
import type { Assignment } from '../../src/schema/agent.js'
import { AgentProcess, compileAgent } from './agent-process.js'
import { assignment, ended, newHome, newHost, newMachine, newServer, started, until } from './host-under-test.js'

/** Saves steps $1 to $2 and declares each. */
const SAVES = `
  save() {
    mkdir -p "$ANNEAL_CHECKPOINT_DIR/step-$1"
    printf %s "weights of step $1" > "$ANNEAL_CHECKPOINT_DIR/step-$1/w"
    echo "{\\"checkpoint\\": \\"step-$1\\"}" >> "$ANNEAL_METRICS_FILE"
  }
  `

describe('a process that declares its checkpoints', () => {
  it('is heard, only the last ones are kept, and the next attempt and a retried job resume from the last', async () => {
    const { server, home } = await newMachine()
    const script = `${SAVES} for i in 1 2 3; do save $i; done
      echo '{"phase": "saving"}' >> "$ANNEAL_METRICS_FILE"
      mkdir "$ANNEAL_CHECKPOINT_DIR/step-4-half"`
    const first = assignment(script, { keepCheckpoints: 2 })
    server.want(first)
    await ended(server, first)
    const folder = join(home, 'runs', first.jobId, 'checkpoints')
    expect(server.types(first).toSorted()).toEqual(
      ['accepted', 'started', 'checkpoint', 'checkpoint', 'checkpoint', 'saving', 'exited', 'empty'].toSorted(),
    )
    expect(server.types(first).slice(-2)).toEqual(['exited', 'empty'])
    expect(server.fact(first, 'checkpoint')).toMatchObject({
      path: join(folder, 'step-1'),
      by: 'declared',
      files: 1,
      bytes: 17,
      sinceMs: expect.any(Number),
    })
    const left = 'step-2, step-3, step-4-half'
    await until('the oldest is pruned, and nothing else', () => readdirSync(folder).sort().join(', ') === left)
    const retried = assignment('echo $ANNEAL_RESUME_FROM', { checkpointsOf: first.jobId })
    for (const job of [{ ...next(first), command: 'echo $ANNEAL_RESUME_FROM' }, retried]) {
      server.want(job)
      await ended(server, job)
      expect(server.fact(job, 'started')).toMatchObject({ resumeFrom: join(folder, 'step-3'), resumeVerified: true })
      await until('the log is there', () => server.log(job).toString() === `${join(folder, 'step-3')}\n`)
    }
  })

  it('does not lose its progress to one that is torn: the last whole one is taken, the torn one named', async () => {
    const { server, home } = await newMachine()
    const first = assignment(`${SAVES} for i in 100 200; do save $i; done; kill -9 $$`)
    server.want(first)
    await ended(server, first)
    const folder = join(home, 'runs', first.jobId, 'checkpoints')
    await until('both have manifests', () => manifests(folder).length === 2)
    truncateSync(join(folder, 'step-200/w'), 3)
    server.want(next(first))
    await ended(server, next(first))
    expect(server.fact(next(first), 'checkpoint_damaged')).toEqual({
      type: 'checkpoint_damaged',
      path: join(folder, 'step-200'),
      problem: 'w has 3 of 19 bytes',
      message: 'checkpoint step-200 is damaged: w has 3 of 19 bytes; resuming from step-100',
    })
    expect(server.fact(next(first), 'started')?.resumeFrom).toBe(join(folder, 'step-100'))
  })
})

describe('a process that declares nothing', () => {
  it('has its checkpoint taken once it is quiet, and again when that was changed and is quiet again', async () => {
    const { server } = await newMachine({ checkpointQuietMs: 200 })
    const job = assignment(
      'echo 1 > "$ANNEAL_CHECKPOINT_DIR/c"; read x < "$ANNEAL_CHECKPOINT_DIR/.go"; echo 22 > "$ANNEAL_CHECKPOINT_DIR/c"; sleep 60',
    )
    const folder = join(newHome(), 'shared')
    mkdirSync(join(folder, job.jobId), { recursive: true })
    execFileSync('mkfifo', [join(folder, job.jobId, '.go')])
    server.want({ ...job, sharedCheckpoints: folder })
    const commits = () => server.factsOf(job).flatMap(({ body }) => (body.type === 'checkpoint' ? [body] : []))
    await until('it is taken', () => commits().length === 1)
    writeFileSync(join(folder, job.jobId, '.go'), '\n')
    await until('it is taken again', () => commits().length === 2)
    expect(commits()).toMatchObject([
      { by: 'quiet', bytes: 2 },
      { by: 'quiet', bytes: 3 },
    ])
  })

  it('killed in the middle of writing one, goes on from the one before, and the torn one never counts', async () => {
    const { server, home } = await newMachine({ checkpointQuietMs: 300 })
    const script = `cd "$ANNEAL_CHECKPOINT_DIR"; [ -n "$ANNEAL_RESUME_FROM" ] && exec sleep 60
      echo whole > a; sleep 0.1; printf half > b; kill -9 $$`
    const first = assignment(script)
    server.want(first)
    await ended(server, first)
    const folder = join(home, 'runs', first.jobId, 'checkpoints')
    server.want(next(first))
    await started(server, next(first))
    expect(server.fact(next(first), 'started')?.resumeFrom).toBe(join(folder, 'a'))
    // Long enough for it to be taken as quiet, were it not of an attempt that died: the next one is, beside it.
    writeFileSync(join(folder, 'c'), 'whole')
    await until('the new one is taken', () => server.fact(next(first), 'checkpoint'))
    expect(server.factsOf(next(first)).filter(({ body }) => body.type === 'checkpoint')).toMatchObject([
      { body: { path: join(folder, 'c') } },
    ])
  })

  it('that ended by itself, or at our stop within its grace, has left whole ones', async () => {
    const { server, home } = await newMachine()
    const done = assignment('echo 1 > "$ANNEAL_CHECKPOINT_DIR/c"')
    const stopped = assignment(
      'trap "echo 1 > $ANNEAL_CHECKPOINT_DIR/c; exit 3" TERM; echo up; while :; do sleep 0.02; done',
    )
    server.want(done)
    await ended(server, done)
    server.want(stopped)
    await until('it is up', () => server.log(stopped).length > 0)
    server.stop(stopped)
    await ended(server, stopped)
    for (const job of [done, stopped]) {
      const path = join(home, 'runs', job.jobId, 'checkpoints', 'c')
      const told = await until('it is told, which may come after the end', () => server.fact(job, 'checkpoint'))
      expect(told).toMatchObject({ path, by: 'quiet', files: 1 })
    }
  })

  it('says with `.complete` which are whole, and those count at once', async () => {
    const { server } = await newMachine({ checkpointQuietMs: 500 })
    const job = assignment(
      'cd "$ANNEAL_CHECKPOINT_DIR"; mkdir a b; echo 1 > b/w; echo 1 > a/w; touch a/.complete; sleep 60',
    )
    server.want(job)
    await until('it is told', () => server.fact(job, 'checkpoint'))
    expect(server.fact(job, 'checkpoint')).toMatchObject({ by: 'complete', path: expect.stringMatching(/\/a$/) })
  })
})

describe('a shared folder', () => {
  it('serves two hosts: what one has committed the other verifies and resumes from', async () => {
    const shared = newHome()
    const [server, other] = [await newServer(), await newServer()]
    await newHost(server, newHome())
    await newHost(other, newHome())
    const first = assignment(`${SAVES} save 1; save 2`, { sharedCheckpoints: shared })
    server.want(first)
    await ended(server, first)
    await until('both have manifests', () => manifests(join(shared, first.jobId)).length === 2)
    rmSync(join(shared, first.jobId, 'step-2/w'))
    other.want(next(first))
    await ended(other, next(first))
    expect(other.fact(next(first), 'checkpoint_damaged')?.problem).toBe('w is missing')
    expect(other.fact(next(first), 'started')?.resumeFrom).toBe(join(shared, first.jobId, 'step-1'))
  })

  it.each([
    ['does not exist', '/no/such/folder'],
    ['is no folder', '/etc/hostname'],
    ['cannot be written \\((EROFS|EACCES|EPERM)\\)', '/sys/kernel'],
  ])('that %s on the host is refused in words', async (wrong, sharedCheckpoints) => {
    const { server } = await newMachine()
    const job = assignment('echo never', { sharedCheckpoints })
    server.want(job)
    await ended(server, job)
    expect(server.fact(job, 'refused')?.message).toMatch(
      new RegExp(`^checkpoints.shared: ${sharedCheckpoints} ${wrong}`),
    )
  })
})

describe('an agent that is killed', () => {
  compileAgent()

  it('while it writes a manifest leaves no half one, and the next agent makes it', async () => {
    const [server, home] = [await newServer(), newHome()]
    const job = assignment(`${SAVES} save 1; sleep 60`)
    server.want(job)
    const killed = await AgentProcess.start(server, home, { crashAt: 'agent.manifest-half' })
    await killed.gone()
    const folder = join(home, 'runs', job.jobId, 'checkpoints')
    expect(manifests(folder)).toEqual([])
    await AgentProcess.start(server, home)
    await until('the manifest is there', () => manifests(folder).length === 1)
    expect(await readManifest(join(`${folder}.manifests`, 'step-1.json'))).toMatchObject({ path: 'step-1', files: 1 })
    expect(server.factsOf(job).filter(({ body }) => body.type === 'checkpoint')).toHaveLength(1)
    server.stop(job)
    await ended(server, job)
  })

  it('after the end of its job leaves the manifest to the next agent', async () => {
    const [server, home] = [await newServer(), newHome()]
    const job = assignment(`${SAVES} save 1`)
    server.want(job)
    const killed = await AgentProcess.start(server, home, { crashAt: 'agent.manifest-half' })
    await killed.gone()
    await AgentProcess.start(server, home)
    await ended(server, job)
    await until('the manifest is there', () => manifests(join(home, 'runs', job.jobId, 'checkpoints')).length === 1)
    server.want(next(job))
    await ended(server, next(job))
    expect(server.fact(next(job), 'started')).toMatchObject({ resumeVerified: true })
  })
})

it('100,000 files in a checkpoint delay neither the stop of another job nor its log', async () => {
  const { server } = await newMachine()
  const many = assignment(`mkdir "$ANNEAL_CHECKPOINT_DIR/many"; cd "$ANNEAL_CHECKPOINT_DIR/many"
    python3 -c 'for i in range(100000): open(f"f{i}", "w").close()'
    echo '{"checkpoint": "many"}' >> "$ANNEAL_METRICS_FILE"; sleep 60`)
  const other = assignment('trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.02; done', {
    devices: ['cpu-1'],
  })
  server.want(many)
  server.want(other)
  await until('the other is up', () => server.log(other).length > 0)
  await until('it is taken', () => server.fact(many, 'checkpoint'), 60_000)
  server.stop(other)
  await ended(server, other)
  expect(server.log(other).toString()).toMatch(/^up\n.*bye\n$/s)
  expect(server.fact(many, 'checkpoint')).toMatchObject({ files: 100_000 })
  server.stop(many)
  await ended(server, many)
}, 120_000)

function next(job: Assignment): Assignment {
  return { ...job, attempt: job.attempt + 1, fence: job.fence + 1, keepCheckpoints: null }
}

function manifests(folder: string): string[] {
  const at = `${folder}.manifests`
  return existsSync(at) ? readdirSync(at).filter((name) => name.endsWith('.json')) : []
}
