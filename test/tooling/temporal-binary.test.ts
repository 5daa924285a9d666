import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cachedTemporalPath, findTemporal } from '../../src/temporal/binary.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anneal-binary-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a server address comes before everything', async () => {
  await addToPath('1.31.1')
  await addToCache()
  expect(findTemporal({ ...env(), TEMPORAL_ADDRESS: 'temporal:7233' })).toEqual({
    kind: 'address',
    address: 'temporal:7233',
  })
})

test('a new enough temporal on the PATH comes before the cache', async () => {
  const path = await addToPath('1.31.1')
  await addToCache()
  expect(findTemporal(env())).toEqual({ kind: 'binary', path, version: '1.31.1' })
})

test('a temporal that is too old, or is none, is passed over with a remark', async () => {
  const path = await addToPath('1.30.2')
  const cached = await addToCache()
  const remarks: string[] = []
  expect(findTemporal(env(), (remark) => remarks.push(remark))).toEqual({ kind: 'binary', path: cached })
  expect(remarks).toEqual([`${path} is passed over: server 1.30.2, needed 1.31 or newer`])
  await writeFile(path, '#!/bin/sh\nexit 3\n')
  expect(findTemporal(env(), (remark) => remarks.push(remark))).toEqual({ kind: 'binary', path: cached })
  expect(remarks[1]).toContain('server unknown')
})

test('nothing found is undefined, and the cache is in the home by default', () => {
  expect(findTemporal(env())).toBeUndefined()
  expect(cachedTemporalPath({ HOME: '/home/u' })).toBe('/home/u/.cache/anneal/temporal-1.8.2')
})

function env() {
  return { PATH: join(folder, 'bin'), ANNEAL_CACHE: join(folder, 'cache') }
}

function addToPath(server: string): Promise<string> {
  return addScript(join(folder, 'bin', 'temporal'), `echo 'temporal version 1.7.0 (Server ${server}, UI 2.50.1)'`)
}

function addToCache(): Promise<string> {
  return addScript(cachedTemporalPath(env()), 'exit 1')
}

async function addScript(path: string, line: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${line}\n`)
  await chmod(path, 0o755)
  return path
}
