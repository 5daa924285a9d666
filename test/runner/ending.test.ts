import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Tree } from '../../src/runner/containment/tree.js'
import { Ending } from '../../src/runner/ending.js'
import { RunFolder } from '../../src/runner/run-folder.js'
import { cleanUp, newHome, until } from './host-under-test.js'

/** A pid that no process can have. */
const NOBODY = 2 ** 22 + 1

/** A tree in uninterruptible sleep: it takes every signal and goes when its disk comes back. */
class StuckTree implements Tree {
  readonly level = 'best_effort'
  readonly group = ''
  kills = 0
  isEmptyNow = false
  prepare() {}
  remove() {}
  pids = () => (this.isEmptyNow ? [] : [NOBODY])
  wrapperPids = () => []
  isEmpty = () => this.isEmptyNow
  pidOf = () => undefined
  kill() {
    this.kills += 1
  }
}

describe('a tree that outlives SIGKILL', () => {
  it('is called stuck after a while, with its pids, and is watched until it goes', async () => {
    const { ending, tree, heard } = newEnding({ graceMs: 20, stuckAfterMs: 200 })
    const before = performance.now()
    ending.begin('stop')
    await until('it is called stuck', () => heard.stuck)
    expect(performance.now() - before).toBeGreaterThan(215)
    expect(heard.stuck).toEqual([NOBODY])
    expect(tree.kills).toBeGreaterThan(1)
    expect(heard.changed).toBe(0)
    tree.isEmptyNow = true
    await until('its end is noticed', () => heard.changed > 0)
  })
})

describe('a grace', () => {
  it('that began under an earlier agent ends when it would have', async () => {
    const { ending, tree, folder } = newEnding({ graceMs: 60_000, stuckAfterMs: 60_000 })
    writeFileSync(folder.file('stop'), '')
    const begun = Date.now() / 1000 - 59.9
    utimesSync(folder.file('stop'), begun, begun)
    ending.begin('stop')
    expect(tree.kills).toBe(0)
    await until('it is killed', () => tree.kills > 0, 1_000)
  })

  it('that becomes shorter ends at once', async () => {
    const grace = { graceMs: 60_000, stuckAfterMs: 60_000 }
    const { ending, tree } = newEnding(grace)
    ending.begin('stop')
    expect(tree.kills).toBe(0)
    grace.graceMs = 0
    ending.hurry()
    expect(tree.kills).toBe(1)
  })
})

function newEnding(limits: { graceMs: number; stuckAfterMs: number }) {
  const folder = new RunFolder(newHome(), 'job', 1)
  mkdirSync(folder.path, { recursive: true })
  const tree = new StuckTree()
  const heard: { changed: number; stuck?: number[] } = { changed: 0 }
  const ending = new Ending({
    tree,
    folder,
    graceMs: () => limits.graceMs,
    stuckAfterMs: limits.stuckAfterMs,
    changed: () => {
      heard.changed += 1
    },
    stuck: (pids) => {
      heard.stuck = pids
    },
  })
  cleanUp(() => ending.close())
  return { ending, tree, folder, heard }
}
