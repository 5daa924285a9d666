const FIRST_AFTER = 1_000
const ON_TERMINAL_EVERY = 200
const ELSEWHERE_EVERY = 10_000

/** Says on stderr how far something is, once it takes longer than a second: in place on a terminal, else now and then. */
export class Progress {
  readonly #target: NodeJS.WriteStream
  readonly #startedAt = Date.now()
  #saidAt = 0

  constructor(target: NodeJS.WriteStream = process.stderr) {
    this.#target = target
  }

  /** Cheap to call often; `text` is asked only when something is said. */
  tell(text: () => string): void {
    const now = Date.now()
    const every = this.#target.isTTY ? ON_TERMINAL_EVERY : ELSEWHERE_EVERY
    if (now - this.#startedAt < FIRST_AFTER || now - this.#saidAt < every) return
    this.#saidAt = now
    this.#target.write(this.#target.isTTY ? `\r\x1b[K${text()}` : `${text()}\n`)
  }

  /** Takes the line on a terminal away. */
  done(): void {
    if (this.#saidAt > 0 && this.#target.isTTY) this.#target.write('\r\x1b[K')
    this.#saidAt = 0
  }
}
