import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './steps.mjs'

/**
 * Runs `work` while this process holds the lock file, waiting for another live holder. A lock whose holder is dead is
 * taken over. It saves double work; what is guarded must itself stand up to being done twice.
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true })
  await take(path)
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

async function take(path) {
  let toldAbout
  for (;;) {
    try {
      return writeFileSync(path, String(process.pid), { flag: 'wx' })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = holderOf(path)
    if (holder === undefined) rmSync(path, { force: true })
    else {
      if (toldAbout !== holder) say(`  waiting for another setup (process ${holder})`)
      toldAbout = holder
      await sleep(250)
    }
  }
}

/** The live process that holds the lock; undefined when it is gone. */
function holderOf(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    if (!Number.isInteger(pid) || pid <= 0) return undefined
    process.kill(pid, 0)
    return pid
  } catch (error) {
    return error.code === 'EPERM' ? 'of another user' : undefined
  }
}
