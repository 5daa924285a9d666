import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()

const URL = 'https://hooks.example.com/services/T0/B1/PATH?k=QUERY'
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`

test('a webhook is added with a secret from a file or one that is made, and neither it nor the address is listed or stored in clear', async () => {
  const file = join(server.folder, 'secret')
  await writeFile(file, `${SECRET}\n`)
  const added = await anneal.run(['webhook', 'add', URL, '--on', 'ended,failed', '--secret-file', file])
  expect(added.code, added.stderr).toBe(0)
  expect(added.stdout).toMatch(/^[0-9a-z]{26}\n$/)
  const made = await anneal.run(['webhook', 'add', URL, '--on', 'limit_warning'])
  expect(made.stdout).toMatch(/^[0-9a-z]{26}\nwhsec_[A-Za-z0-9+/]{43}=\n$/)
  const list = await anneal.run(['webhook', 'list'])
  expect(list.stdout).toMatch(/https:\/\/hooks\.example\.com\/… +ended,failed +0 +0\n/)
  const all = [
    list,
    await anneal.run(['webhook', 'list', '--json']),
    await anneal.run(['webhook', 'show', added.stdout.trim()]),
  ]
  const rows = JSON.stringify(await server.store.read.selectFrom('webhooks').selectAll().execute())
  for (const text of [...all.map(({ stdout }) => stdout), rows]) expect(text).not.toMatch(/PATH|QUERY|whsec/)
  const removed = await anneal.run(['webhook', 'remove', added.stdout.trim()])
  expect(removed.stderr).toContain('is removed')
  expect((await anneal.run(['webhook', 'show', added.stdout.trim()])).code).toBe(67)
})

test.each([
  [['webhook', 'add', URL, '--on', 'ended', '--only-named'], 65, /name: is required by onlyNamed/],
  [['webhook', 'add', URL, '--on', 'ended', '--name', 'On Call'], 65, /name: expected the name of a webhook/],
  [['webhook', 'add', 'ftp://a.example', '--on', 'ended'], 65, /url: /],
  [['webhook', 'add', URL, '--on', 'everything'], 64, /Expected some of ended,failed,limit_warning,gate/],
  [['webhook', 'add', URL], 64, /--on/],
  [['webhook', 'add', URL, '--on', 'ended', '--secret-file', '/nowhere'], 67, /\/nowhere cannot be read: ENOENT/],
  [['webhook', 'add', URL, '--on', 'ended', '--secret-file', '/etc/hostname'], 65, /secret: expected whsec_/],
  [['webhook', 'test', 'nobody'], 67, /There is no webhook/],
])('%j is refused', async (args, code, message) => {
  const refused = await anneal.run(args)
  expect(refused.stderr).toMatch(message)
  expect(refused.code).toBe(code)
})

test('a webhook has a name, by which a job names it; a job that names another is refused by its flag or its line', async () => {
  const added = await anneal.run(['webhook', 'add', URL, '--on', 'failed', '--name', 'oncall', '--only-named'])
  expect(added.code, added.stderr).toBe(0)
  expect((await anneal.run(['webhook', 'list'])).stdout).toMatch(/ oncall +https:\/\/hooks\.example\.com\/… +failed /)
  expect((await anneal.run(['webhook', 'show', 'oncall'])).stdout).toContain('  on failed of what names it\n')
  expect((await anneal.run(['webhook', 'add', URL, '--on', 'failed', '--name', 'oncall'])).code).toBe(69)

  const submit = async (...flags: string[]) => anneal.run(['submit', '--no-workdir', '--json', ...flags])
  const file = join(server.folder, 'job.yaml')
  await writeFile(file, 'name: told\ncommand: "true"\nnotify:\n  - oncal\n')
  const misspelt = await submit(file)
  expect(misspelt.code).toBe(65)
  expect(misspelt.stderr).toMatch(/job\.yaml:4:5 notify\[0\]: there is no webhook oncal; did you mean oncall\?/)
  await writeFile(file, 'name: told\ncommand: "true"\n')
  const unknown = await submit(file, '--notify', 'nobody')
  expect(unknown.stderr).toMatch(/--notify notify\[0\]: there is no webhook nobody/)
  expect(unknown.stderr).toContain('one of oncall')
  const told = await submit(file, '--notify', 'oncall:ended,limit_warning')
  expect(told.code, told.stderr).toBe(0)
  expect(JSON.parse(told.stdout).spec.notify).toEqual([{ webhook: 'oncall', on: ['ended', 'limit_warning'] }])

  const array = await anneal.run(['array', '-n', '2', '--no-workdir', '--notify', 'nobody', '--', 'true'])
  expect(array.stderr).toMatch(/notify\[0\]: there is no webhook nobody/)
  const nightly = join(server.folder, 'nightly.yaml')
  await writeFile(nightly, 'schedule:\n  every: 1d\njob:\n  name: n\n  command: "true"\n  notify: [nobody]\n')
  const schedule = await anneal.run(['schedule', 'create', 'nightly', nightly])
  expect(schedule.code).toBe(65)
  expect(schedule.stderr).toMatch(/nightly\.yaml:6:\d+ job\.notify\[0\]: there is no webhook nobody/)
  await writeFile(file, 'name: told\ncommand: "true"\nnotify: [oncall]\n')
  expect((await anneal.run(['template', 'create', 'told', file])).code).toBe(0)
  await anneal.run(['webhook', 'remove', 'oncall'])
  const made = await anneal.run(['submit', '--template', 'told'])
  expect(made.stderr).toMatch(/notify\[0\]: there is no webhook oncall/)
})
