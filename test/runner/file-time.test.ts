import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { survey } from '../../src/runner/checkpoint-survey.js'
import { epochMs, writtenAt } from '../../src/runner/file-time.js'

test('a time keeps its microseconds, and of two the later is never the smaller', () => {
  const base = 1_795_315_458_543_428_000n
  expect(epochMs(base)).toBe(1_795_315_458_543.428)
  for (let ns = 0n; ns < 3_000n; ns += 7n) expect(epochMs(base + ns)).toBeGreaterThanOrEqual(epochMs(base))
})

test('a checkpoint written in the same tick of the disk as the start of its attempt is not older than that', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-time-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [start, checkpoint] = [join(folder, 'started'), join(folder, 'c')]
  for (let equal = 0, tries = 0; equal < 20 && tries < 2_000; tries += 1) {
    for (const path of [start, checkpoint]) {
      rmSync(path, { force: true })
      writeFileSync(path, '1')
    }
    const [a, b] = [start, checkpoint].map((path) => statSync(path, { bigint: true }).ctimeNs)
    if (a !== b) continue
    equal += 1
    expect((await survey(checkpoint))?.changedAt).toBe(writtenAt(start))
  }
  expect.hasAssertions()
})
