import { newId } from '../../../store/ids.js'
import { encodeFrame } from '../wire.js'
import type { Given, Taker } from './claim.js'
import type { Watch } from './consumers.js'
import type { Entry } from './entries.js'

/** A client that reads slower than this many bytes behind is given nothing more for the time being. */
const BEHIND = 4 * 1024 * 1024

/** The way to a client, WebSocket or chunked HTTP. */
export interface Link {
  /** Sends one frame; `done` says whether it was handed to a live socket. */
  send(frame: Uint8Array, done: (error?: Error | null) => void): void
  /** Bytes that wait to be sent. */
  behind(): number
  close(reason: string): void
}

/** One watch while its connection lives. */
export class Connection implements Taker {
  readonly connection = newId()
  readonly gid: string
  readonly uid: string
  readonly window: number
  readonly autoCommit: boolean
  readonly indexOnly: boolean
  readonly tags: Record<string, string>
  readonly refused = new Set<number>()
  start: number
  symbol = 0
  turn = 0
  isNew = true
  /** Its client has said that it goes. */
  isLeaving = false
  isClosed = false
  heardAt = Date.now()
  /** With auto-commit: sent, and to be committed. */
  #sent: number[] = []
  #wasBehind = false
  readonly #link: Link
  readonly #onSent: (connection: Connection) => void

  constructor(watch: Watch, link: Link, onSent: (connection: Connection) => void) {
    const { gid, uid, window, autoCommit, indexOnly, tags, start } = watch
    this.gid = gid
    this.uid = uid
    this.window = window
    this.autoCommit = autoCommit
    this.indexOnly = indexOnly
    this.tags = tags
    this.start = start
    this.#link = link
    this.#onSent = onSent
  }

  get isBusy(): boolean {
    this.#wasBehind ||= this.#link.behind() > BEHIND
    return this.isClosed || this.isLeaving || this.#wasBehind
  }

  /** True once after its client has read what it was behind with. */
  hasCaughtUp(): boolean {
    if (!this.#wasBehind || this.#link.behind() > 0) return false
    this.#wasBehind = false
    return true
  }

  give({ entries, symbols }: Given, turn: number): void {
    this.isNew = false
    this.turn = turn
    for (const symbol of symbols) this.symbol = Math.max(this.symbol, symbol.index)
    for (const entry of [...symbols, ...entries]) this.#send(entry)
  }

  /** What was sent since the last call. */
  takeSent(): number[] {
    const sent = this.#sent
    this.#sent = []
    return sent
  }

  /** Ends the link; nothing more is given. */
  close(reason: string): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#link.close(reason)
  }

  #send(entry: Entry): void {
    this.#link.send(encodeFrame(entry), (error) => {
      if (error) return
      if (this.autoCommit && entry.kind !== 'symbol') this.#sent.push(entry.index)
      this.#onSent(this)
    })
  }
}
