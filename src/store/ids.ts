import { createHash, randomBytes } from 'node:crypto'
import { monotonicFactory } from 'ulid'

const next = monotonicFactory()

/** A new ULID in lower case: sorts by time, and within one process strictly in the order of the calls. */
export function newId(): string {
  return next().toLowerCase()
}

/** A secret of 256 bits, with a prefix that tells people and scanners what it is. */
export function newSecret(): string {
  return `anneal_${randomBytes(32).toString('base64url')}`
}

/** SHA-256 in lower-case hex. */
export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex')
}
