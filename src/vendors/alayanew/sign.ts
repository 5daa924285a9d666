import { createHmac, timingSafeEqual } from 'node:crypto'

/** The three ways in which the vendor's clients say who they are (reference §1, "Auth 1" to "Auth 3"). */

export const HMAC_SCHEME = 'alayanew-HMAC-SHA256'
/** How far a client's clock may be from ours, either way (§1). Milliseconds. */
export const CLOCK_WINDOW = 5 * 60_000

export type Authorization =
  | { scheme: 'bearer'; key: string }
  | { scheme: 'hmac'; accessKey: string; timestamp: string; signature: string }
  /** Only of the older API: the secret itself travels. */
  | { scheme: 'plain'; accessKey: string; secretKey: string }

/** The path has its prefix, and neither host nor query. Lower-case hex. */
export function hmacSignature(request: { secretKey: string; timestamp: string; method: string; path: string }): string {
  const signed = `${request.timestamp}|${request.method.toUpperCase()}|${request.path}`
  return createHmac('sha256', request.secretKey).update(signed).digest('hex')
}

/** The header of a signed request. */
export function hmacHeader(request: {
  accessKey: string
  secretKey: string
  now: number
  method: string
  path: string
}): string {
  const timestamp = String(Math.round(request.now))
  return `${HMAC_SCHEME} ${request.accessKey}:${timestamp}:${hmacSignature({ ...request, timestamp })}`
}

/** What a header says; undefined for one that is none of the three. */
export function parseAuthorization(header: string): Authorization | undefined {
  const [, scheme = '', rest = ''] = /^(\S+) +(.*)$/.exec(header.trim()) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return /^\S+$/.test(rest) ? { scheme: 'bearer', key: rest } : undefined
    case HMAC_SCHEME.toLowerCase():
      return parseHmac(rest)
    case 'plain':
      return parsePlain(rest)
    default:
      return undefined
  }
}

function parseHmac(rest: string): Authorization | undefined {
  const match = /^([^:\s]+):([^:\s]*):([^:\s]+)$/.exec(rest)
  if (!match) return undefined
  const [, accessKey, timestamp, signature] = match as unknown as [string, string, string, string]
  return { scheme: 'hmac', accessKey, timestamp, signature }
}

function parsePlain(rest: string): Authorization | undefined {
  const match = /^Credential=([^,\s]+),\s*Signature=([^,\s]+)$/.exec(rest)
  if (!match) return undefined
  return { scheme: 'plain', accessKey: match[1] as string, secretKey: match[2] as string }
}

/** Unix milliseconds, not more than the window away from `now`. */
export function isFresh(timestamp: string, now: number): boolean {
  return /^\d{1,15}$/.test(timestamp) && Math.abs(Number(timestamp) - now) <= CLOCK_WINDOW
}

/** Compares secrets in a time that does not tell where they differ. */
export function isSame(a: string, b: string): boolean {
  const digest = (value: string) => createHmac('sha256', 'compare').update(value).digest()
  return timingSafeEqual(digest(a), digest(b))
}
