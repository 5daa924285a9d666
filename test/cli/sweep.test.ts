import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { progressText } from '../../src/cli/sweeps.js'
import { createClient, type Sweep, type Trial } from '../../src/client/index.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal({ TZ: 'UTC' })

const file = async (name: string, text: string) => {
  const path = join(server.folder, name)
  await writeFile(path, text)
  return path
}
const GRID = (name: string, more = '') => `sweep:
  name: ${name}
  method: grid
  parameters: { lr: [0.1, 0.01], layers: [2, 4] }
  metric: { name: accuracy, goal: max }
  job: { command: "train {{lr}} {{layers}}" }
${more}`
/** What trials are worth, as looks would write it. */
const worth = (id: string, values: Record<string, number>) =>
  server.store.transact(async (tx) => {
    for (const [key, value] of Object.entries(values)) {
      await tx.q.insertInto('sweep_results').values({ group_id: id, key, value }).execute()
      await tx.q
        .updateTable('group_members')
        .set({ state: 'completed' })
        .where('group_id', '=', id)
        .where('key', '=', key)
        .execute()
    }
  })

test('the id of a sweep is all that is on stdout; the same key gives the same, another description is refused', async () => {
  const path = await file('keyed.yaml', GRID('keyed'))
  const first = await anneal.run(['sweep', 'submit', path, '--idempotency-key', 'k1'])
  expect([first.code, first.stdout]).toEqual([0, expect.stringMatching(/^[0-9a-z]{26}\n$/)])
  const again = await anneal.run(['sweep', 'submit', path, '--idempotency-key', 'k1'])
  expect([again.stdout, again.stderr]).toEqual([
    first.stdout,
    expect.stringContaining('used for the same sweep before'),
  ])
  const other = await file('other.yaml', GRID('keyed').replace('0.01', '0.02'))
  expect((await anneal.run(['sweep', 'submit', other, '--idempotency-key', 'k1'])).code).toBe(68)
  expect((await anneal.run(['sweep', 'list'])).stdout).toMatch(/keyed +grid +running/)
  expect((await anneal.run(['array', 'list'])).stderr).toBe('no arrays\n')
})

test('the table has the best first, and `best` prints value, parameters and job, or why there is none', async () => {
  const path = await file('table.yaml', GRID('table'))
  const id = (await anneal.run(['sweep', 'submit', path])).stdout.trim()
  const none = await anneal.run(['sweep', 'best', 'table'])
  expect([none.code, none.stderr]).toEqual([69, expect.stringContaining('No trial of sweep')])
  await worth(id, { '1': 0.7, '3': 0.9 })
  const { stdout } = await anneal.run(['sweep', 'show', 'table'])
  expect(stdout).toMatch(/^best: trial 3, accuracy 0\.9, lr=0\.01 layers=2, job null$/m)
  const rows = stdout.slice(stdout.indexOf('TRIAL')).trimEnd().split('\n')
  expect(rows.map((row) => row.split(/ {2,}/).slice(0, 5))).toEqual([
    ['TRIAL', 'accuracy', 'STATE', 'lr', 'layers'],
    ['3', '0.9', 'completed', '0.01', '2'],
    ['1', '0.7', 'completed', '0.1', '2'],
    ['2', '-', 'waiting', '0.1', '4'],
    ['4', '-', 'waiting', '0.01', '4'],
  ])
  const best = JSON.parse((await anneal.run(['sweep', 'best', id.slice(0, 20), '--json'])).stdout) as Trial
  expect(best).toMatchObject({ key: '3', value: 0.9, parameters: { lr: 0.01, layers: 2 } })
  const whole = JSON.parse((await anneal.run(['sweep', 'show', id, '--json', '--all'])).stdout)
  expect((whole as { allTrials: Trial[] }).allTrials).toHaveLength(4)
})

test('the folder of the job is packed once and sent before, relative to the file', async () => {
  await mkdir(join(server.folder, 'code'))
  await writeFile(join(server.folder, 'code', 'train.py'), 'print(1)')
  const text = GRID('packed').replace('job: {', 'job: { workdir: code,')
  const { code } = await anneal.run(['sweep', 'submit', await file('packed.yaml', text)])
  expect(code).toBe(0)
  const { spec } = await server.store.read
    .selectFrom('job_groups')
    .select('spec')
    .where('name', '=', 'packed')
    .executeTakeFirstOrThrow()
  const { blob } = (JSON.parse(spec) as { job: { workdir: { blob: string } } }).job.workdir
  expect(await server.blobs.has(blob)).toBe(true)
})

test.each([
  ['job: { command: t }\n', /expected the one key sweep/],
  [GRID('bad', 'other: 1\n'), /bad\.yaml:7:1 other: expected the one key sweep/],
  [GRID('bad').replace('method: grid', 'method: gird'), /bad\.yaml:3:3 sweep\.method: /],
  [
    GRID('bad').replace('{{layers}}', '{{layer}}'),
    /bad\.yaml:6:10 sweep\.job\.command: there is no such parameter .*\{\{lr\}\}, \{\{layers\}\}/,
  ],
  [GRID('bad').replace('goal: max', 'gaol: max'), /sweep\.metric\.gaol: unknown key; did you mean goal\?/],
  [GRID('bad').replace('metric:', 'windov: 2\n  metric:'), /sweep\.windov: unknown key; did you mean window\?/],
])('a file that is wrong is told with its place: %#', async (text, message) => {
  const { code, stderr } = await anneal.run(['sweep', 'submit', await file('bad.yaml', text)])
  expect([code, stderr]).toEqual([65, expect.stringMatching(message)])
})

test.each([
  [['-n', '3'], 64, /nothing to run/i],
  [['--', 'true'], 64, /which tasks/],
  [['-n', '3', '--range', '1-2', '--', 'true'], 64, /Too much is said/],
  [['--range', '3-1', '--', 'true'], 64, /range such as/],
  [['--items', '/nowhere', '--', 'true'], 67, /cannot be read/],
  [['-n', '0', '--no-workdir', '--', 'true'], 65, /array\.size/],
  [['-n', '3', '--no-workdir', '--gpus', '9', '--pool', 'nowhere', '--', 'true'], 0, /submitted true with 3 tasks/],
])('anneal array %j', async (args, code, message) => {
  const ended = await anneal.run(['array', ...args])
  expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(message)])
})

test('items come from a file or from stdin, one on each line', async () => {
  const { stdout, code } = await anneal.run(['array', '--items', '-', '--no-workdir', '--json', '--', 'echo', '{}'], {
    stdin: 'a b\nc\n',
  })
  expect(code).toBe(0)
  const { id, size } = JSON.parse(stdout) as Sweep
  expect(size).toBe(2)
  const client = createClient(server)
  const { trials, next } = await client.listTrials(id, { limit: 1 })
  expect([trials.map(({ parameters }) => parameters), next]).toEqual([[{ index: 0, item: 'a b' }], 1])
  expect((await client.listTrials(id, { cursor: 1, limit: 1 })).trials[0]?.parameters).toEqual({ index: 1, item: 'c' })
  const log = await anneal.run(['array', 'logs', id, '1'])
  expect([log.code, log.stderr]).toEqual([69, expect.stringContaining('Task 1 has no job yet')])
  expect((await anneal.run(['array', 'logs', id, '7'])).code).toBe(67)
})

test('who may only read submits, stops and resumes nothing', async () => {
  const token = await server.newToken('viewer')
  const path = await file('viewer.yaml', GRID('viewer'))
  for (const args of [
    ['sweep', 'submit', path],
    ['sweep', 'stop', 'keyed'],
    ['sweep', 'resume', 'keyed'],
  ])
    expect((await anneal.run([...args, '--token', token])).code).toBe(66)
  expect((await anneal.run(['sweep', 'show', 'keyed', '--token', token])).code).toBe(0)
})

test('nothing to take up again is said', async () => {
  const { code, stderr } = await anneal.run(['sweep', 'resume', 'keyed', '--retry-failed'])
  expect([code, stderr]).toEqual([69, expect.stringMatching(/Nothing of keyed has failed or was stopped/)])
})

test('the line of progress says what is done, runs and failed, and how long the rest takes at the pace seen', () => {
  const trials = { waiting: 580, queued: 4, running: 4, completed: 400, failed: 12, skipped: 0, stopped: 0 }
  const sweep = { size: 1000, trials } as Sweep
  expect(progressText(sweep, 312, 60_000)).toBe('412 of 1000 done, 4 running, 12 failed, about 5 min 52 s left')
  expect(progressText(sweep, 412, 60_000)).toBe('412 of 1000 done, 4 running, 12 failed')
})

const openJobs = async () =>
  (await server.store.read.selectFrom('job_groups').select('id').execute()).length +
  (await server.store.read.selectFrom('jobs').select('id').execute()).length +
  (await server.store.read.selectFrom('idempotency_keys').select('key').execute()).length

test('a dry run says what a sweep, an array and a pipeline would run, packs nothing and writes nothing', async () => {
  const before = await openJobs()
  const large = 'workdir: /nowhere/at/all'
  const sweep = await file('dry.yaml', GRID('dry').replace('}}" }', `}}", ${large} }`))
  const said = await anneal.run(['sweep', 'submit', sweep, '--dry-run'])
  expect([said.code, said.stderr]).toEqual([0, ''])
  const lines = said.stdout.split('\n')
  expect(lines[0]).toBe('dry would run 4 trials (grid), 16 of them in the queue or running at once')
  expect(lines[1]).toMatch(/^TRIAL +lr +layers +STARTS +RUNS$/)
  expect(lines[5]).toMatch(/^4 +0\.01 +4 +.* +train 0\.01 4$/)
  const words = ['--dry-run', '--json', '--', 'convert', '{}']
  const array = await anneal.run(['array', '-n', '70', ...words], { cwd: '/' })
  const plan = JSON.parse(array.stdout) as { size: number; trials: { key: string; command: string[] }[] }
  expect([plan.size, plan.trials.length]).toEqual([70, 50])
  expect(plan.trials[49]).toMatchObject({ key: '49', name: 'convert-49', command: ['convert', '49'] })
  const steps = `
    a: { forEach: [x, y], command: 'train {{item}}', ${large} }
    b: { needs: a, approve: {} }
`
  const pipeline = await file('dry-p.yaml', `pipeline:\n  name: p\n  steps:${steps}`)
  const shown = await anneal.run(['pipeline', 'submit', pipeline, '--dry-run'])
  expect([shown.code, shown.stderr]).toEqual([0, ''])
  expect(shown.stdout).toMatch(/^p would run 3 steps, .*\nSTEP .*\na\.x .*train x\na\.y .*train y\nb +a .*approve\n$/)
  expect(await openJobs()).toBe(before)
})

test('a dry run refuses what the submit would refuse, with its place', async () => {
  const bad = await file('dry-bad.yaml', GRID('dry').replace('{{layers}}', '{{lyers}}'))
  const said = [await anneal.run(['sweep', 'submit', bad, '--dry-run']), await anneal.run(['sweep', 'submit', bad])]
  expect(said.map(({ code }) => code)).toEqual([65, 65])
  expect(said[0]?.stderr).toBe(said[1]?.stderr)
  expect(said[0]?.stderr).toMatch(/dry-bad\.yaml:6:\d+ sweep\.job\.command: there is no such parameter/)
  const wrong = await anneal.run(['array', '-n', '3', '--priority', '101', '--dry-run', '--', 'true'])
  expect([wrong.code, wrong.stderr]).toEqual([65, expect.stringContaining('--priority priority:')])
})

test('a large folder is not packed for a sweep that would be refused', async () => {
  const wrong = GRID('packed').replace('}}" }', '}}", priority: 101, workdir: /nowhere/at/all }')
  const { code, stderr } = await anneal.run(['sweep', 'submit', await file('packed.yaml', wrong)])
  expect([code, stderr]).toEqual([65, expect.stringContaining('sweep.job.priority:')])
})
