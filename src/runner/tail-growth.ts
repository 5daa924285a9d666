import { existsSync, type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** The slow look beside the watch: network file systems tell of no writes, and a watch may be refused or lost. Milliseconds. */
const POLL_EVERY = 1_000

interface Notices {
  /** The file has probably grown; may come for nothing. */
  changed(): void
  /** Once a second, from one timer for all watches of the process. */
  poll(): void
}

/** Notices that a file grows, also one that does not exist yet. */
export class GrowthWatch {
  readonly #file: string
  readonly #notices: Notices
  #watcher: FSWatcher | undefined
  #isOnFile = false

  constructor(file: string, notices: Notices) {
    this.#file = file
    this.#notices = notices
    this.#follow()
    startPolling(this)
  }

  close(): void {
    stopPolling(this)
    this.#unwatch()
  }

  poll(): void {
    if (!this.#isOnFile) this.#follow()
    this.#notices.poll()
  }

  /** Watches the file, or its folder until the file is there; without either the poll comes back here. */
  #follow(): void {
    if (!this.#isOnFile && existsSync(this.#file)) {
      this.#unwatch()
      this.#watch(this.#file, () => this.#notices.changed())
      this.#isOnFile = this.#watcher !== undefined
    } else if (!this.#watcher) {
      this.#watch(dirname(this.#file), (name) => {
        if (name === basename(this.#file)) this.#appeared()
      })
      if (this.#watcher && existsSync(this.#file)) this.#appeared()
    }
  }

  #appeared(): void {
    this.#follow()
    this.#notices.changed()
  }

  #watch(path: string, notice: (name: string | null) => void): void {
    try {
      const watcher = watch(path, (_event, name) => notice(name))
      watcher.on('error', () => this.#unwatch())
      this.#watcher = watcher
    } catch {
      // No such folder yet, or no watch left (fs.inotify.max_user_watches): the poll goes on and tries again.
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#isOnFile = false
  }
}

const polled = new Set<GrowthWatch>()
let timer: NodeJS.Timeout | undefined

function startPolling(watch: GrowthWatch): void {
  polled.add(watch)
  timer ??= setInterval(() => {
    for (const each of polled) each.poll()
  }, POLL_EVERY)
}

function stopPolling(watch: GrowthWatch): void {
  polled.delete(watch)
  if (polled.size > 0) return
  clearInterval(timer)
  timer = undefined
}
