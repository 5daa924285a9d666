// `npm test`: set-up, checks and tests. Ends with `tests: N passed, N failed, N skipped`; the checks count as one test.
// Arguments go to vitest: `npm test -- test/tooling`.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const total = { passed: 0, failed: 0, skipped: 0 }

if (await succeeds(process.execPath, ['scripts/setup.mjs'])) {
  count(await runChecks())
  count(await runVitest(process.argv.slice(2)))
} else {
  total.failed += 1
}
process.stdout.write(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed === 0 ? 0 : 1

async function runChecks() {
  const isClean = await succeeds('npm', ['run', '--silent', 'check'])
  process.stdout.write(`check: ${isClean ? 'clean' : 'failed'}\n`)
  return isClean ? { passed: 1 } : { failed: 1 }
}

async function runVitest(args) {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-test-'))
  const report = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  try {
    const isGreen = await succeeds(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args])
    const counts = readReport(report)
    // Red without a failed test: an unhandled error, a crash, or no report at all.
    return isGreen || counts.failed > 0 ? counts : { ...counts, failed: 1 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(path) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'))
    // A file that did not load has no tests to fail, so it counts as one.
    const hasNoFailedTest = ({ assertionResults }) => !assertionResults.some(({ status }) => status === 'failed')
    const broken = report.testResults.filter((file) => file.status === 'failed' && hasNoFailedTest(file)).length
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken,
      skipped: report.numPendingTests + report.numTodoTests,
    }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

function count({ passed = 0, failed = 0, skipped = 0 }) {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
}

function succeeds(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`)
      resolve(false)
    })
    child.once('exit', (code) => resolve(code === 0))
  })
}
