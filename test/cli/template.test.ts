import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()

const file = async (text: string): Promise<string> => {
  const path = join(server.folder, 'job.yaml')
  await writeFile(path, text)
  return path
}
const JOB = 'command: python3 train.py\nenv: { LR: "0.1" }\nresources:\n  gpus: 1\n'
const run = (...args: string[]) => anneal.run(args)
const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout)

test('a template is made, gets versions, is listed and shown, and jobs are made of the version that is named', async () => {
  expect((await run('template', 'create', 'digits', await file(JOB))).stdout).toBe('digits@1\n')
  expect((await run('template', 'update', 'digits', await file(JOB.replace('train', 'later')))).stdout).toBe(
    'digits@2\n',
  )
  expect((await run('template', 'list')).stdout).toMatch(/digits +2 +-/)
  expect((await run('template', 'show', 'digits@1')).stdout).toMatch(/^# digits@1 of 2\ncommand: python3 train\.py\n/)
  const id = (
    await run('submit', '--template', 'digits@1', '--set', 'env.LR=0.2', '--set', 'resources.gpus=2')
  ).stdout.trim()
  const job = await json('show', id)
  expect(job).toMatchObject({
    name: 'digits',
    template: 'digits@1',
    spec: { command: 'python3 train.py', env: { LR: '0.2' }, resources: { gpus: 2 } },
  })
  const flagged = await json('submit', '--template', 'digits', '--env', 'LR=0.3', '--name', 'mine', '--priority', '70')
  expect(flagged).toMatchObject({ template: 'digits@2', name: 'mine', priority: 70, spec: { env: { LR: '0.3' } } })
  const key = ['--idempotency-key', 'once']
  const [one, two] = [
    await json('submit', '--template', 'digits', ...key),
    await json('submit', '--template', 'digits', ...key),
  ]
  expect(two.id).toBe(one.id)
})

test('a locked field is refused by its flag, its name and the template; so is a version by somebody else', async () => {
  await run('template', 'create', 'locked', await file(JOB), '--lock', 'resources.gpus', '--lock', 'pool')
  for (const flags of [
    ['--set', 'resources.gpus=8'],
    ['--gpus', '8'],
  ]) {
    const refused = await run('submit', '--template', 'locked', ...flags)
    expect(refused.code).toBe(66)
    expect(refused.stderr).toMatch(/(--set resources\.gpus|--gpus): resources\.gpus is locked by template locked@1/)
  }
  const env = { ANNEAL_TOKEN: await server.newToken('user') }
  expect((await anneal.run(['submit', '--template', 'locked'], { env })).code).toBe(0)
  const path = await file(JOB)
  expect((await anneal.run(['template', 'update', 'locked', path], { env })).code).toBe(66)
  expect((await anneal.run(['template', 'remove', 'locked'], { env })).code).toBe(66)
})

test('a field that no job has is refused where it stands, in the file, in a lock and in what is set', async () => {
  const bad = await run('template', 'create', 'bad', await file(JOB.replace('gpus', 'gpu')))
  expect(bad.stderr).toContain('job.yaml:4:3 resources.gpu: unknown key; did you mean gpus?')
  expect(bad.code).toBe(65)
  expect((await run('template', 'create', 'bad', await file(JOB), '--lock', 'colour')).stderr).toMatch(
    /--lock: no job has/,
  )
  await run('template', 'create', 'good', await file(JOB))
  expect((await run('submit', '--template', 'good', '--set', 'resources.gpu=1')).stderr).toContain(
    '--set resources.gpu: unknown key; did you mean gpus?',
  )
})

test('a stored version that no longer fits what jobs are says so, with the place and what to do', async () => {
  await run('template', 'create', 'old', await file(JOB))
  await server.store.transact((tx) =>
    tx.q
      .updateTable('template_versions')
      .set({ job: '{"command":"x","accelerators":2}' })
      .where('job', 'like', '%train.py%')
      .execute(),
  )
  const refused = await run('submit', '--template', 'old')
  expect(refused.code).toBe(65)
  expect(refused.stderr).toContain('Template old@1 does not fit any more')
  expect(refused.stderr).toContain('old@1: accelerators: unknown key')
  expect(refused.stderr).toContain('next: Make a version that does: anneal template update old FILE')
})

test('a file or a template, and not both or neither', async () => {
  const path = await file(`name: a\n${JOB}`)
  expect((await run('submit')).code).toBe(64)
  expect((await run('submit', path, '--template', 'digits')).code).toBe(64)
  expect((await run('submit', path, '--set', 'pool=a')).code).toBe(64)
  expect((await run('submit', '--template', 'nobody')).code).toBe(67)
})

test('what a template of Alaya NeW says is a template here too: each of its fields may be set anew or locked', async () => {
  const body = `provider: alayanew
command: python3 train.py
env: { LR: "0.1" }
providerOptions:
  alayanew:
    aidcId: 12
    trainingType: PRE_TRAINING
    trainingFramwork: PyTorch
    imageType: private
    image: registry.example.com/train:1
    resource: { type: worker, workerCount: 1, gpuName: H800A, gpuCount: "8" }
`
  const wrong = await run('template', 'create', 'alaya', await file(body.replace('PRE_TRAINING', 'TASK')))
  expect(wrong.code).toBe(65)
  expect(wrong.stderr).toMatch(/job\.yaml:7:\d+ .*providerOptions\.alayanew\.trainingType: .*PRE_TRAINING/)
  const made = await run('template', 'create', 'alaya', await file(body), '--lock', 'providerOptions.alayanew.image')
  expect(made).toMatchObject({ stdout: 'alaya@1\n', code: 0 })
  const at = 'providerOptions.alayanew'
  const set = ['--set', `${at}.resource.workerCount=4`, '--set', `${at}.aidcId=13`]
  const job = await json('submit', '--template', 'alaya', ...set)
  expect(job).toMatchObject({ template: 'alaya@1', spec: { provider: 'alayanew' } })
  expect(job.spec.providerOptions.alayanew).toMatchObject({
    aidcId: 13,
    resource: { workerCount: 4, gpuName: 'H800A' },
  })
  expect((await run('submit', '--template', 'alaya', '--set', `${at}.image=other`)).stderr).toContain(
    `${at}.image is locked by template alaya@1`,
  )
  expect((await run('submit', '--template', 'alaya', '--set', `${at}.trainingFramework=X`)).stderr).toContain(at)
})
