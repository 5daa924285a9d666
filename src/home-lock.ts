import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Failure } from './schema/failure.js'

/**
 * Makes this process the only `anneal up`, or the only `anneal host`, on a home. The lock is SQLite's own lock on a file, which the kernel releases
 * with the process, however it ends. Fails with `state_conflict`, naming who holds it.
 */
export function takeHomeLock(home: string, who: 'anneal up' | 'anneal host' = 'anneal up'): { release(): void } {
  const database = new SqliteDatabase(join(home, who === 'anneal up' ? 'lock.db' : 'host-lock.db'))
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    database.pragma('busy_timeout = 0')
    database.exec('BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (pid INTEGER); DELETE FROM held; COMMIT')
  } catch (error) {
    database.close()
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error
    const which = who === 'anneal up' ? holder(home) : ''
    throw new Failure('state_conflict', `Another \`${who}\` runs on ${home}${which}`, {
      cause: error,
      next: 'Use that one, end it, or choose another --home.',
    })
  }
  return { release: () => database.close() }
}

function holder(home: string): string {
  const file = join(home, 'up.json')
  if (!existsSync(file)) return ' (it is just starting)'
  const { url, pid } = JSON.parse(readFileSync(file, 'utf8')) as { url: string; pid: number }
  return `: process ${pid} at ${url}`
}
