import { closeSync, constants, fdatasync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { Fact, type FactBody } from '../schema/agent.js'

const flush = promisify(fdatasync)
type FactOf<T extends FactBody['type']> = Fact & { body: Extract<FactBody, { type: T }> }

/** Bytes taken at the beginning, as empty lines: the end of a run can be written on a full disk, and often has to be. */
const ROOM = 8 * 1024
const NEWLINE = 0x0a
/** A start follows within a few tens of milliseconds, unless there is a workdir to fetch. */
const HOLD_MS = 100

/**
 * `facts.jsonl` of one attempt: what the host has seen, numbered, in the order it happened. A fact is sent only when
 * it is on the disk, so that no number is ever used for two things, and again until the server has acknowledged it.
 */
export class FactLog {
  readonly #facts: Fact[] = []
  readonly #acked = new Set<number>()
  readonly #file: number
  /** Where the next line goes. */
  #end = 0
  #held: NodeJS.Timeout | undefined
  #open = true
  /** Number of the last that went out, or stood here before: the server takes them in their order only. */
  #sent: number

  constructor(
    path: string,
    private readonly about: { jobId: string; attempt: number; fence: number },
    /** The number before the first: above 0 where an earlier log of the attempt was lost. */
    private readonly base: number,
    private readonly send: (facts: Fact[]) => void,
  ) {
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT)
    this.#load(readFileSync(path))
    this.#sent = this.#last
  }

  /**
   * Appends, and sends once the disk has it. Several facts go as one message, and one that nobody waits for goes with the
   * next: each message costs the server a flush.
   */
  append(...bodies: FactBody[]): void {
    const from = this.#last
    const facts = bodies.map((body, i) => ({ ...this.about, n: from + i + 1, at: Date.now(), body }))
    this.#write(Buffer.from(facts.map(toLine).join('')))
    this.#facts.push(...facts)
    const isAwaited = bodies.some((body) => body.type !== 'accepted' || body.port !== undefined)
    const last = this.#last
    void flush(this.#file).then(
      () => this.#sendSoon(last, isAwaited ? 0 : HOLD_MS),
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
    clearTimeout(this.#held)
    if (this.#open) closeSync(this.#file)
    this.#open = false
  }

  get #last(): number {
    return this.#facts.at(-1)?.n ?? this.base
  }

  #sendSoon(last: number, hold: number): void {
    if (hold > 0) this.#held ??= setTimeout(() => this.#sendUpTo(last), hold)
    else this.#sendUpTo(last)
  }

  /** In their order, whichever flush is done first: it has put all that came before on the disk, too. */
  #sendUpTo(last: number): void {
    const facts = this.#facts.filter(({ n }) => n > this.#sent && n <= last)
    if (facts.length === 0) return
    this.#sent = last
    this.send(facts)
  }

  /** All of it or nothing, over the room where there is some. */
  #write(bytes: Buffer): void {
    // The descriptor may by now be somebody else's file.
    if (!this.#open) throw new Error('the fact log is closed')
    let written = 0
    try {
      written = writeSync(this.#file, bytes, 0, bytes.length, this.#end)
      if (written < bytes.length) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
    } catch (error) {
      if (written > 0) ftruncateSync(this.#file, this.#end)
      throw error
    }
    this.#end += bytes.length
  }

  /** Reads what is there; a last line that was torn by a power cut goes, since it was never sent. */
  #load(bytes: Buffer): void {
    if (bytes.length === 0) writeSync(this.#file, Buffer.alloc(ROOM, '\n'), 0, ROOM, 0)
    const lines = wholeLines(bytes)
    this.#facts.push(...lines.map(({ fact }) => fact))
    this.#end = lines.reduce((end, { length }) => end + length, 0)
    if (bytes.subarray(this.#end).some((byte) => byte !== NEWLINE)) ftruncateSync(this.#file, this.#end)
  }
}

/** The facts of a folder that is done. */
export function readFacts(path: string): Fact[] {
  return wholeLines(readFileSync(path)).map(({ fact }) => fact)
}

function toLine(fact: Fact): string {
  return `${JSON.stringify(fact)}\n`
}

/** The whole lines at the beginning, with their length in bytes. */
function wholeLines(bytes: Buffer): { fact: Fact; length: number }[] {
  const found: { fact: Fact; length: number }[] = []
  for (const line of bytes.toString().split('\n')) {
    const fact = parseFact(line)
    if (!fact) break
    found.push({ fact, length: Buffer.byteLength(line) + 1 })
  }
  return found
}

function parseFact(line: string): Fact | undefined {
  try {
    return Fact.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
