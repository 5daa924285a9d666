import { Failure } from './failure.js'

/**
 * The servers of one installation, any of which will do: they stand on the same store. One of them is current; who has
 * found it away says so, and the next one is current for everybody who shares this list.
 */
export class Servers {
  readonly urls: readonly string[]
  #current = 0

  constructor(urls: readonly string[]) {
    if (urls.length === 0) throw new Error('a list of servers needs at least one')
    this.urls = urls
  }

  get current(): string {
    return this.urls[this.#current] as string
  }

  /** How many there are. */
  get count(): number {
    return this.urls.length
  }

  /** `url` did not answer: another is current now, unless one is already. */
  failed(url: string): void {
    if (url === this.current) this.#current = (this.#current + 1) % this.urls.length
  }

  /** For people: the one address, or all of them. */
  toString(): string {
    return this.urls.join(' or ')
  }
}

/**
 * Reads `http://a:7480,http://b:7480`: the addresses of one installation, without a path. Fails with `invalid_request`,
 * naming the one that is none.
 */
export function parseServers(text: string): string[] {
  const urls = text.split(',').map((part) => part.trim().replace(/\/+$/, ''))
  const wrong = urls.find((url) => !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
  if (wrong === undefined) return [...new Set(urls)]
  throw new Failure('invalid_request', `${JSON.stringify(wrong)} is no URL of a server`, {
    next: 'write it like http://127.0.0.1:7480; several with commas between them',
  })
}
