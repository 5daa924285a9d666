import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { Fact, type FactBody } from '../schema/agent.js'

const flush = promisify(fdatasync)
type FactOf<T extends FactBody['type']> = Fact & { body: Extract<FactBody, { type: T }> }

/** Numbers of a folder that has been lost go on here: the server has seen lower ones, which nobody here knows. */
export const AFTER_LOSS = 1_000_000

/**
 * `facts.jsonl` of one attempt: what the host has seen, numbered, in the order it happened. A fact is sent only when
 * it is on the disk, so that no number is ever used for two things, and again until the server has acknowledged it.
 */
export class FactLog {
  readonly #facts: Fact[] = []
  readonly #acked = new Set<number>()
  readonly #file: number
  #open = true

  constructor(
    path: string,
    private readonly about: { jobId: string; attempt: number; fence: number },
    private readonly base: number,
    private readonly send: (facts: Fact[]) => void,
  ) {
    this.#file = openSync(path, 'a+')
    this.#load(readFileSync(path))
  }

  /** Appends, and sends once the disk has it. Several facts go as one message. */
  append(...bodies: FactBody[]): void {
    const from = this.#facts.at(-1)?.n ?? this.base
    const facts = bodies.map((body, i) => ({ ...this.about, n: from + i + 1, at: Date.now(), body }))
    this.#write(Buffer.from(facts.map((fact) => `${JSON.stringify(fact)}\n`).join('')))
    this.#facts.push(...facts)
    void flush(this.#file).then(
      () => this.send(facts),
      // Closed meanwhile: whoever opens the folder next reads them from the disk.
      () => {},
    )
  }

  has(type: FactBody['type']): boolean {
    return this.#facts.some((fact) => fact.body.type === type)
  }

  count(type: FactBody['type']): number {
    return this.#facts.filter((fact) => fact.body.type === type).length
  }

  find<T extends FactBody['type']>(type: T): FactOf<T> | undefined {
    return this.#facts.find((fact): fact is FactOf<T> => fact.body.type === type)
  }

  get all(): readonly Fact[] {
    return this.#facts
  }

  get unacknowledged(): Fact[] {
    return this.#facts.filter(({ n }) => !this.#acked.has(n))
  }

  acknowledge(n: number): void {
    this.#acked.add(n)
  }

  close(): void {
    if (this.#open) closeSync(this.#file)
    this.#open = false
  }

  /** All of it or nothing: on a full disk a part may have been written. */
  #write(bytes: Buffer): void {
    const size = fstatSync(this.#file).size
    try {
      if (writeSync(this.#file, bytes) < bytes.length)
        throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
    } catch (error) {
      ftruncateSync(this.#file, size)
      throw error
    }
  }

  /** Reads what is there; a last line that was torn by a crash goes, since it was never sent. */
  #load(bytes: Buffer): void {
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)
    if (whole.length < bytes.length) ftruncateSync(this.#file, whole.length)
    this.#facts.push(...parseFacts(whole.toString()))
  }
}

/** The facts of a folder that is done. */
export function readFacts(path: string): Fact[] {
  return parseFacts(readFileSync(path, 'utf8'))
}

function parseFacts(text: string): Fact[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => Fact.parse(JSON.parse(line)))
}
