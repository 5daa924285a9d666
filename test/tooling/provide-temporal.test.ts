import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { create } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provideTemporal } from '../../scripts/setup/temporal.mjs'
import { cachedTemporalPath } from '../../src/temporal/binary.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const SCRIPT = "#!/bin/sh\necho 'temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)'\n"

let folder: string
let server: Server
let requests: string[]
let answer: () => Promise<Buffer> | Buffer

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anneal-provide-'))
  requests = []
  server = createServer(async (request, response) => {
    requests.push(request.url ?? '')
    response.end(await answer())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

test('a download goes into the cache once, also for two set-ups at the same time', async () => {
  answer = () => archive(SCRIPT)
  const target = cachedTemporalPath(env())
  const said = await Promise.all([provide(), provide()])
  expect(said.sort()).toEqual([target, `${target} (download)`])
  expect(await provide()).toBe(target)
  expect(requests).toHaveLength(1)
  expect(requests[0]).toMatch(/^\/v1\.8\.2\?platform=(linux|darwin)&arch=(amd64|arm64)$/)
  expect(await readFile(target, 'utf8')).toBe(SCRIPT)
})

test('with nothing to be had, one error lists the ways out and nothing is left in the cache', async () => {
  answer = () => Buffer.from('<html>please log in</html>')
  const failure = await provide().catch((error: Error) => error.message)
  expect(failure).toContain('tried download: ')
  expect(failure).toContain('tried build by Go: go is not on the PATH')
  for (const way of ['install the Temporal CLI 1.7', 'set TEMPORAL_ADDRESS', 'install Go 1.26.4', 'allow HTTPS']) {
    expect(failure).toContain(`- ${way}`)
  }
  expect(await readdir(env().ANNEAL_CACHE)).toEqual([])
})

test('a download that does not run here is refused', async () => {
  answer = () => archive('#!/bin/sh\nexit 1\n')
  await expect(provide()).rejects.toThrow('tried download: what came does not run here')
})

function provide(): Promise<string> {
  const { port } = server.address() as AddressInfo
  return provideTemporal(root, env(), `http://127.0.0.1:${port}`)
}

function env() {
  return { PATH: join(folder, 'empty'), ANNEAL_CACHE: join(folder, 'cache') }
}

async function archive(script: string): Promise<Buffer> {
  const from = await mkdtemp(join(folder, 'archive-'))
  await writeFile(join(from, 'temporal'), script)
  await chmod(join(from, 'temporal'), 0o755)
  await writeFile(join(from, 'LICENSE'), 'a licence')
  await create({ cwd: from, gzip: true, file: join(from, 'a.tar.gz') }, ['LICENSE', 'temporal'])
  return readFile(join(from, 'a.tar.gz'))
}
