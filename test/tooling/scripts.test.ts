import { afterEach, expect, test } from 'vitest'
import { type Clone, makeClone } from './clone.js'

let clone: Clone
afterEach(() => clone.remove())

test('the command says what to do while it is not built', async () => {
  clone = await makeClone({ bare: true })
  const { status, stderr } = clone.run(process.execPath, ['bin/anneal.js', '--version'])
  expect(stderr).toBe('anneal is not built yet; run: npm run setup\n')
  expect(status).toBe(1)
})

test('npx finds the command in the clone, once it is built', async () => {
  clone = await makeClone()
  await clone.write('dist/cli/main.js', "console.log('arguments', ...process.argv.slice(2))\n")
  const { stdout } = clone.run('npx', ['anneal', '--version'], { npm_config_cache: `${clone.folder}/npm` })
  expect(stdout).toBe('arguments --version\n')
})

test('npm test ends with its closing line and fails when the set-up fails', async () => {
  clone = await makeClone({ bare: true })
  const { status, stdout, stderr } = clone.run(process.execPath, ['scripts/test.mjs'], { PATH: '/nowhere' })
  expect(stderr).toContain('setup failed: npm ci failed (spawnSync npm ENOENT)')
  expect(stdout).toBe('tests: 0 passed, 1 failed, 0 skipped\n')
  expect(status).toBe(1)
})

test('npm test counts checks, passed, failed and skipped tests, and a file that does not load', async () => {
  clone = await makeClone()
  await clone.write('scripts/setup.mjs', '')
  await clone.write('package.json', '{ "type": "module", "scripts": { "check": "exit 0" } }')
  await clone.write(
    'test/a.test.ts',
    "import { test } from 'vitest'\ntest('one', () => {})\ntest.skip('two', () => {})\ntest.todo('three')\n" +
      "test('four', () => {\n  throw new Error('wrong')\n})\n",
  )
  await clone.write('test/b.test.ts', "import './missing.js'\n")
  const { status, stdout } = clone.run(process.execPath, ['scripts/test.mjs'])
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('tests: 2 passed, 2 failed, 2 skipped')
  expect(status).toBe(1)
})
