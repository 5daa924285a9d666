import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { takeHomeLock } from '../src/home-lock.js'
import { hostMain } from '../src/host-main.js'
import { failureCode } from '../src/schema/failure.js'

const home = mkdtempSync(join(tmpdir(), 'anneal-host-main-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A host that does not come to start, by what it says. */
async function refusal(
  options: Parameters<typeof hostMain>[0],
): Promise<{ code: unknown; message: string; next: string }> {
  const tokenFile = join(home, 'token')
  writeFileSync(tokenFile, 'a-token\n')
  const error = await hostMain({ home, url: 'http://127.0.0.1:9', tokenFile, ...options }).catch((e: unknown) => e)
  return { code: failureCode(error), message: (error as Error).message, next: (error as { next: string }).next }
}

test('a pool or a label that can be none is refused before anything is started, with what was expected', async () => {
  expect(await refusal({ pool: 'My Pool' })).toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(/^--pool "My Pool": expected 1–63/),
  })
  expect((await refusal({ label: { Rack: 'a3' } })).message).toMatch(/^--label .*"Rack".*Rack: expected 1–63/)
  expect((await refusal({ label: { rack: 'a b' } })).message).toMatch(/^--label .*rack: expected at most 63/)
})

test('a token file that is not there, or holds none, is named', async () => {
  const missing = join(home, 'nowhere')
  expect(await refusal({ tokenFile: missing })).toMatchObject({
    message: expect.stringContaining(`--token-file ${missing} cannot be read`),
    next: expect.stringContaining('anneal token create --role host'),
  })
  const empty = join(home, 'empty')
  writeFileSync(empty, '\n')
  expect((await refusal({ tokenFile: empty })).message).toContain('holds no token')
})

test('a second host on one home is refused', async () => {
  const lock = takeHomeLock(home, 'anneal host')
  expect(await refusal({})).toMatchObject({
    code: 'state_conflict',
    message: `Another \`anneal host\` runs on ${home}`,
  })
  lock.release()
})
