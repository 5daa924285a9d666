import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a webhook is, and what signs for it. */
export interface Target {
  url: string
  secret: string
}

/**
 * Keeps address and secret of webhooks out of the rows and their backups: AES-256-GCM under a key that only the servers have, from
 * ANNEAL_WEBHOOK_KEY, or in the home (0600), where it is made when it is first needed.
 */
export class WebhookSeal {
  readonly #home: string
  readonly #given: string | undefined

  constructor(home: string, given: string | undefined) {
    this.#home = home
    this.#given = given
  }

  seal(target: Target): string {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key(), iv)
    const bytes = Buffer.concat([cipher.update(JSON.stringify(target), 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), bytes]).toString('base64')
  }

  /** Throws where it was sealed under another key. */
  open(sealed: string): Target {
    const bytes = Buffer.from(sealed, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', this.#key(), bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(12, 28))
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    return JSON.parse(text) as Target
  }

  #key(): Buffer {
    if (this.#given) return createHash('sha256').update(this.#given).digest()
    const file = join(this.#home, 'webhook-key')
    if (!existsSync(file)) makeKey(file)
    return Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
  }
}

/** Of several processes on one home the first makes it. */
function makeKey(file: string): void {
  try {
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
