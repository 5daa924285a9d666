import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** SDK-HMAC-SHA256 (reference §9; Huawei's API Request Signing Guide): made for our requests, checked on those of clients. */

export const ALGORITHM = 'SDK-HMAC-SHA256'
/** The clock of a client may differ from the gateway's by this much. */
export const MAX_SKEW = 15 * 60_000

export interface SignedParts {
  method: string
  /** Path and query as they stand in the request line. */
  url: string
  /** Every header that is signed, by its lower-case name; `x-sdk-date` must be among them. */
  headers: Record<string, string>
  body: Uint8Array
}

/** The value of `Authorization`. */
export function authorization(parts: SignedParts, key: { accessKey: string; secretKey: string }): string {
  const names = Object.keys(parts.headers).sort().join(';')
  return `${ALGORITHM} Access=${key.accessKey}, SignedHeaders=${names}, Signature=${signature(parts, key.secretKey)}`
}

/** Keyed with the secret key as it is; there is no chain of keys. */
export function signature(parts: SignedParts, secretKey: string): string {
  const date = parts.headers['x-sdk-date'] ?? ''
  const text = `${ALGORITHM}\n${date}\n${sha256(canonicalRequest(parts))}`
  return createHmac('sha256', secretKey).update(text).digest('hex')
}

export function canonicalRequest({ method, url, headers, body }: SignedParts): string {
  const at = url.indexOf('?')
  const [path, query] = at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
  const names = Object.keys(headers).sort()
  const lines = names.map((name) => `${name}:${(headers[name] as string).trim()}\n`).join('')
  return [method.toUpperCase(), canonicalPath(path), canonicalQuery(query), lines, names.join(';'), sha256(body)].join(
    '\n',
  )
}

/** It always ends with a slash in what is signed, whatever was sent. */
function canonicalPath(path: string): string {
  const encoded = path
    .split('/')
    .map((segment) => encode(decode(segment)))
    .join('/')
  return encoded.endsWith('/') ? encoded : `${encoded}/`
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=')
      const [key, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
      return [encode(decode(key)), encode(decode(value))] as const
    })
  const inOrder = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return pairs
    .sort((a, b) => inOrder(a[0], b[0]) || inOrder(a[1], b[1]))
    .map(([key, value]) => `${key}=${value}`)
    .join('&')
}

/** Everything but `A-Za-z0-9-_.~` by its UTF-8 bytes. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** `YYYYMMDDTHHMMSSZ`. */
export function sdkDate(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

/** Epoch milliseconds of such a date; undefined for another text. */
export function parseSdkDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!parts) return undefined
  const [, year, month, day, hour, minute, second] = parts
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(at) ? undefined : at
}

export interface Claim {
  accessKey: string
  signedHeaders: string[]
  signature: string
}

/** What an `Authorization` header of this kind claims; undefined for one that is not well formed. */
export function parseAuthorization(header: string): Claim | undefined {
  const match = /^SDK-HMAC-SHA256\s+Access=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
    header,
  )
  if (!match) return undefined
  return {
    accessKey: match[1] as string,
    signedHeaders: (match[2] as string).split(';'),
    signature: match[3] as string,
  }
}

export function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
