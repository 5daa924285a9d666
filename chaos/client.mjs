import { setTimeout as pause } from 'node:timers/promises'

/** Calls to the API that outlast the absence of the server, as a careful client makes them. */
export class Client {
  /** `url` and `token` are functions, since both come to be while the machines start. */
  constructor({ url, token }) {
    Object.assign(this, { url, token })
  }

  /** Made again until it is answered with something that is not the server's own trouble. */
  async call(method, path, body, { within = 120_000, headers = {} } = {}) {
    const deadline = Date.now() + within
    for (;;) {
      try {
        return await this.once(method, path, body, { headers })
      } catch (error) {
        if (error.status < 500 || Date.now() > deadline) throw error
        await pause(100)
      }
    }
  }

  async once(method, path, body, { headers = {}, token = this.token() } = {}) {
    const { status, text, isJson } = await this.ask(method, path, body, { headers, token })
    if (status >= 400) throw Object.assign(new Error(`${method} ${path}: ${status} ${text}`), { status })
    return isJson ? JSON.parse(text) : text
  }

  /** The answer as it is, also a refusal. */
  async ask(method, path, body, { headers = {}, token = this.token() } = {}) {
    const isBytes = body instanceof Uint8Array
    const type = body ? { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' } : {}
    const response = await fetch(this.url() + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...type, ...headers },
      body: isBytes ? body : body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return { status: response.status, text: await response.text(), isJson }
  }
}
