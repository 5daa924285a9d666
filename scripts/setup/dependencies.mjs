import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { SetupProblem, say } from './steps.mjs'

/** Runs `npm ci` unless `node_modules` already holds what the lock file says. */
export async function installDependencies(root) {
  if (isInstalled(root)) return 'up to date'
  return withLock(join(root, '.cache', 'setup.lock'), () => {
    if (isInstalled(root)) return 'up to date'
    say('  npm ci (a minute or so)')
    const { status, error } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    })
    if (status !== 0)
      throw new SetupProblem(`npm ci failed${error ? ` (${error.message})` : ''}; its messages stand above`)
    writeFileSync(stampPath(root), stampFor(root))
    return 'installed'
  })
}

/** Loads what is built natively; one that was built for another version of Node is built anew. */
export function loadNativeParts(root) {
  if (loads(root)) return 'better-sqlite3 loads'
  say('  npm rebuild better-sqlite3')
  spawnSync('npm', ['rebuild', 'better-sqlite3'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (loads(root)) return 'better-sqlite3 is built for this version of Node'
  throw new SetupProblem(
    'better-sqlite3 does not load; the reason stands above. Its native part is downloaded or compiled by npm:\n' +
      '  install a C++ compiler, make and Python 3, then run: npm rebuild better-sqlite3',
  )
}

/** In a process of its own, because a native part that once failed to load does not load again. */
function loads(root) {
  const script = "new (require('better-sqlite3'))(':memory:').close()"
  return spawnSync(process.execPath, ['-e', script], { cwd: root, stdio: ['ignore', 2, 2] }).status === 0
}

function isInstalled(root) {
  try {
    if (readFileSync(stampPath(root), 'utf8') === stampFor(root)) return true
  } catch {
    // No stamp: somebody may have run npm by hand.
  }
  if (!treeAgrees(root)) return false
  writeFileSync(stampPath(root), stampFor(root))
  return true
}

/** Whether npm's own note of what it installed names the versions of the lock file. */
function treeAgrees(root) {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
    const present = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages
    const agrees = ([path, { version, optional }]) => (present[path] ? present[path].version === version : optional)
    return Object.entries(wanted).every((entry) => entry[0] === '' || agrees(entry))
  } catch {
    return false
  }
}

function stampPath(root) {
  return join(root, 'node_modules', '.anneal-setup')
}

function stampFor(root) {
  return `${createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')}\n`
}
