import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const BLOCK = Buffer.alloc(256 * 1024)

/** A small disk that can be filled: a tmpfs, which takes root and the right to mount. */
export class SmallDisk {
  isFull = false

  /** Undefined, with the reason said, where it cannot be mounted. */
  static mount(folder, megabytes, say) {
    mkdirSync(folder, { recursive: true })
    const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'chaos', folder])
    if (status === 0) return new SmallDisk(folder)
    say(`no full disk in this run, a tmpfs cannot be mounted: ${error?.message ?? String(stderr).trim()}`)
    return undefined
  }

  constructor(folder) {
    this.folder = folder
  }

  fill() {
    this.isFull = true
    const file = openSync(join(this.folder, 'filler'), 'a')
    try {
      for (;;) writeSync(file, BLOCK)
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error
    } finally {
      closeSync(file)
    }
  }

  free() {
    rmSync(join(this.folder, 'filler'), { force: true })
    this.isFull = false
  }

  unmount() {
    spawnSync('umount', ['--lazy', this.folder])
  }
}
