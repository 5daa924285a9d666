// `npm run setup`: everything a clone needs, from dependencies to the build. Under two seconds when all is there.
// Only what Node brings is imported here: dependencies may be missing.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { installDependencies, loadNativeParts } from './setup/dependencies.mjs'
import { finish, SetupProblem, say, step } from './setup/steps.mjs'
import { provideTemporal } from './setup/temporal.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const startedAt = Date.now()

try {
  await step('node', checkNode)
  await step('dependencies', () => installDependencies(root))
  await step('native parts', () => loadNativeParts(root))
  await step('temporal', () => provideTemporal(root, process.env))
  await step('build', build)
  finish(startedAt)
} catch (error) {
  say(`setup failed: ${error instanceof SetupProblem ? error.message : error.stack}`)
  process.exitCode = 1
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const isTooOld = major < 20 || (major === 20 && minor < 19)
  if (isTooOld) throw new SetupProblem(`Node ${process.versions.node} is too old; install Node 20.19 or newer`)
  return process.versions.node
}

function build() {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new SetupProblem('the build failed; its messages stand above')
  return 'dist/ is up to date'
}
