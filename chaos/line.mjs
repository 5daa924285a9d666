import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { pick } from './random.mjs'

/** What a link can be made to do; each lasts a while, and then the link is as new, for new connections. */
export const TROUBLES = ['cut', 'refuse', 'slow', 'half-open']
/** A connection whose other half is gone is ended by somebody at last: a router, a reboot, a keep-alive. */
const HALF_OPEN_FOR = 60_000

/**
 * A TCP proxy on loopback between two parts that trust nothing between them. `cut` ends the connections there are; `refuse`
 * also ends new ones at once; `slow` lets bytes through in small late pieces; `half-open` lets nothing through any more on
 * the connections there are and on new ones, and tells neither side.
 */
export class Line {
  #server
  #pairs = new Set()
  #trouble

  static async open(name, target, random) {
    const line = new Line()
    Object.assign(line, { name, target, random })
    line.#server = createServer({ allowHalfOpen: true }, (client) => line.#accept(client))
    await new Promise((resolve) => line.#server.listen(0, '127.0.0.1', resolve))
    line.port = line.#server.address().port
    return line
  }

  /** Makes that trouble for so long. */
  async trouble(kind, milliseconds) {
    this.#trouble = kind
    if (kind === 'cut' || kind === 'refuse') for (const pair of this.#pairs) pair.destroy()
    if (kind === 'half-open') for (const pair of this.#pairs) pair.strand()
    if (kind !== 'cut') await pause(milliseconds)
    this.#trouble = undefined
  }

  close() {
    for (const pair of this.#pairs) pair.destroy()
    this.#server.close()
  }

  #accept(client) {
    if (this.#trouble === 'refuse') return client.destroy()
    const server = connect({ port: this.target(), host: '127.0.0.1', allowHalfOpen: true })
    const pair = new Pair(client, server, () => (this.#trouble === 'slow' ? 20 + this.random() * 80 : 0))
    this.#pairs.add(pair)
    for (const socket of [client, server]) socket.once('close', () => this.#pairs.delete(pair))
    if (this.#trouble === 'half-open') pair.strand()
  }
}

/** One connection and its way on. */
class Pair {
  #sockets
  #isStranded = false

  constructor(client, server, delay) {
    this.#sockets = [client, server]
    this.#carry(client, server, delay)
    this.#carry(server, client, delay)
  }

  /** From now on nothing gets through, and nobody is told. */
  strand() {
    this.#isStranded = true
    for (const socket of this.#sockets) socket.pause()
    setTimeout(() => this.destroy(), HALF_OPEN_FOR).unref()
  }

  destroy() {
    for (const socket of this.#sockets) socket.destroy()
  }

  #carry(from, to, delay) {
    from.setNoDelay(true)
    from.on('error', () => undefined)
    from.on('close', () => !this.#isStranded && to.destroy())
    from.on('end', () => !this.#isStranded && to.end())
    from.on('data', async (data) => {
      if (this.#isStranded) return
      from.pause()
      const late = delay()
      // In two pieces, so that a message is seen in halves.
      for (const part of late ? [data.subarray(0, data.length >> 1), data.subarray(data.length >> 1)] : [data]) {
        if (late) await pause(late)
        if (this.#isStranded || to.destroyed) return
        to.write(part)
      }
      from.resume()
    })
  }
}

/** A trouble at random on one of these links. */
export async function disturb(random, links) {
  const [line, kind] = [pick(random, links), pick(random, TROUBLES)]
  await line.trouble(kind, 500 + random() * 4_500)
  return `${kind}, ${line.name}`
}
