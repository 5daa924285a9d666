import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../client/server.js'
import { type Anneal, buildAnneal } from './anneal.js'

let anneal: Anneal
let server: TestServer
beforeAll(async () => {
  server = await startServer()
  anneal = await buildAnneal({ ANNEAL_URL: server.url, ANNEAL_TOKEN: server.token })
})
afterAll(async () => {
  await anneal.remove()
  await server.close()
})

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
