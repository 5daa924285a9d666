import { existsSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Clone, makeClone } from './clone.js'

const COMMIT = `import { crashPoint } from './crash-point.js'
import type { Row } from './row.js'

export async function commit(row: Row): Promise<string> {
  CRASH: crashPoint('before-commit')
  await row.write()
  CRASH: crashPoint('after-commit')
  return row.id
}
`

let clone: Clone
beforeEach(async () => {
  clone = await makeClone()
  await clone.write('src/crash-point.ts', 'export function crashPoint(name: string): void {\n  console.log(name)\n}\n')
  await clone.write('src/commit.ts', COMMIT)
  await clone.write('src/runner/wrapper.sh', '#!/bin/sh\nexec "$@"\n', 0o755)
})
afterEach(() => clone.remove())

test('the build leaves nothing of a crash point, and the one for tests keeps it', async () => {
  build()
  build('--crash-points')
  expect(await built('dist/commit.js')).not.toContain('crash')
  expect(await built('dist-crash/commit.js')).toContain('crashPoint("after-commit")')
})

test('what is not TypeScript is copied with its mode', async () => {
  build()
  expect((await stat(join(clone.folder, 'dist/runner/wrapper.sh'))).mode & 0o777).toBe(0o755)
})

test('nothing is built when nothing has changed, and what has no source any more goes', async () => {
  expect(build()).toMatch(/^built dist: 4 files in/)
  expect(build()).toBe('')
  await rm(join(clone.folder, 'src/commit.ts'))
  expect(build()).toMatch(/^built dist: 3 files in/)
  expect(existsSync(join(clone.folder, 'dist/commit.js'))).toBe(false)
  expect(existsSync(join(clone.folder, 'dist/commit.js.map'))).toBe(false)
})

test('the workflows are bundled, and the client has type declarations', async () => {
  await clone.write('src/schema/state.ts', "export const STATES = ['queued'] as const\n")
  await clone.write(
    'src/workflows/index.ts',
    "import { sleep } from '@temporalio/workflow'\nimport { STATES } from '../schema/state.js'\n" +
      'export async function trainJob(): Promise<string> {\n  await sleep(1)\n  return "it was " + STATES[0]\n}\n',
  )
  await clone.write('src/client/api.d.ts', 'export interface Paths { jobs: string }\n')
  await clone.write(
    'src/client/index.ts',
    "import type { Paths } from './api.js'\nexport type { Paths }\n" +
      'export function connect(url: string): Paths {\n  return { jobs: url }\n}\n',
  )
  build()
  expect(await built('dist/workflow-bundle.js')).toContain('it was ')
  expect(await built('dist/client/index.d.ts')).toContain('connect(url: string): Paths')
  expect(await built('dist/client/api.d.ts')).toContain('interface Paths')
})

test('an error in a source fails the build and says where it is', async () => {
  await clone.write('src/broken.ts', 'export const = 1\n')
  const { status, stderr } = clone.run(process.execPath, ['scripts/build.mjs'])
  expect(status).toBe(1)
  expect(stderr).toContain('src/broken.ts:1:13')
})

function build(...args: string[]): string {
  const { status, stderr } = clone.run(process.execPath, ['scripts/build.mjs', ...args])
  expect(status, stderr).toBe(0)
  return stderr
}

function built(path: string): Promise<string> {
  return readFile(join(clone.folder, path), 'utf8')
}
