import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CAUSES } from '../../src/schema/diagnosis.js'
import { FAILURES } from '../../src/schema/failure.js'
import { REASON_FACTS } from '../../src/schema/outcome.js'

const doc = readFileSync(new URL('../../docs/failures.md', import.meta.url), 'utf8')
const rows = doc.split('\n').filter((line) => line.startsWith('| `'))
const RETRY = { never: 'never', free: 'always, not counted', asked: 'when asked' }

test('docs/failures.md has every reason and every failure code, as the code has them, and no other', () => {
  const reasons = Object.entries(REASON_FACTS).map(
    ([name, facts]) => `| \`${name}\` | ${RETRY[facts.retry]} | ${facts.exitCode} | ${facts.sentence} |`,
  )
  const failures = Object.entries(FAILURES).map(
    ([code, facts]) =>
      `| \`${code}\` | ${facts.status} | ${facts.exitCode} | ${facts.retryable ? 'yes' : 'no'} | ${facts.sentence} |`,
  )
  const verdicts = Object.entries(CAUSES).map(([cause, sentence]) => `| \`${cause}\` | ${sentence} |`)
  const withoutAdvice = rows.map((row) => verdicts.find((verdict) => row.startsWith(verdict)) ?? row)
  expect(withoutAdvice).toEqual([...reasons, ...verdicts, ...failures])
})
