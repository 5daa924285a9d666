import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('half a minute of kills at random violates no promise', () => {
  const args = ['chaos/run.mjs', '--minutes', '0.5', '--seed', '11', '--no-points']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 400_000,
  })
  expect(stdout.trimEnd().split('\n').at(-1), stderr).toMatch(/^chaos: \d+ kills, 0 violations$/)
  expect(status).toBe(0)
}, 420_000)
