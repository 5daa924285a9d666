import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kill, processesWith, until } from './measure.mjs'

const homes = new Set()

/** A throw-away folder. It, and every process that has it in its command or environment, goes with `removeHome`, or with a Ctrl-C. */
export function newHome(name = 'bench') {
  const home = mkdtempSync(join(tmpdir(), `anneal-${name}-`))
  homes.add(home)
  return home
}

/** Kills what still has the folder in its command or environment, and removes it. */
export async function removeHome(home) {
  for (const pid of processesWith(home)) kill(pid, 'SIGKILL')
  await until('every process of the home to be gone', () => processesWith(home).length === 0)
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  homes.delete(home)
}

/** Leaves nothing behind when this process is told to end. */
export function removeHomesOnSignal() {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      await Promise.all([...homes].map(removeHome))
      process.exit(130)
    })
  }
}
