import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * bce-auth-v1: https://cloud.baidu.com/doc/Reference/s/njwvz1yfu (reference/qianfan-finetune.md §7). The body is never
 * covered. One calculation for what we send and for what we are sent.
 */

/** What of a request a signature covers. Header names in lower case; query as decoded pairs; path decoded, from the root. */
export interface Signable {
  method: string
  path: string
  query: readonly (readonly [string, string])[]
  headers: Readonly<Record<string, string | undefined>>
}

/** The five fields of an `Authorization` header. No names: the default set of headers. */
export interface Authorization {
  accessKey: string
  /** UTC, `YYYY-MM-DDThh:mm:ssZ`. */
  timestamp: string
  expirySeconds: number
  signedHeaders: readonly string[]
  signature: string
}

const SCHEME = 'bce-auth-v1'
/** Signed when a header names no headers (§7, step 7); every `x-bce-*` besides. */
const DEFAULT_HEADERS = ['host', 'content-length', 'content-type', 'content-md5']

/** The value of `Authorization` for a request. */
export function sign(
  request: Signable,
  key: { accessKey: string; secretKey: string },
  how: { timestamp: string; expirySeconds: number; signedHeaders: readonly string[] },
): string {
  const fields = { accessKey: key.accessKey, ...how }
  return `${prefixOf(fields)}/${how.signedHeaders.join(';')}/${signatureOf(request, key.secretKey, fields)}`
}

/** Whether the signature is what this secret gives for this request; compared in constant time. */
export function isSignedBy(request: Signable, secretKey: string, authorization: Authorization): boolean {
  const expected = Buffer.from(signatureOf(request, secretKey, authorization))
  const given = Buffer.from(authorization.signature)
  return expected.length === given.length && timingSafeEqual(expected, given)
}

/** The fields of a header of this scheme; undefined for anything else. */
export function parseAuthorization(header: string): Authorization | undefined {
  const [scheme, accessKey, timestamp, expiry, names, signature, ...rest] = header.trim().split('/')
  if (scheme !== SCHEME || !accessKey || rest.length > 0 || names === undefined) return undefined
  if (!timestamp || !isTimestamp(timestamp) || !expiry || !/^[0-9]{1,10}$/.test(expiry)) return undefined
  if (!signature || !/^[0-9a-f]{64}$/.test(signature)) return undefined
  const signedHeaders = names === '' ? [] : names.split(';').map((name) => name.toLowerCase())
  if (signedHeaders.some((name) => !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))) return undefined
  return { accessKey, timestamp, expirySeconds: Number(expiry), signedHeaders, signature }
}

/** A time as the scheme writes it: UTC, no milliseconds. */
export function timestampOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

function isTimestamp(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text))
}

/** §7, steps 1, 2 and 6. The signing key is used as its hex text. */
export function signatureOf(
  request: Signable,
  secretKey: string,
  how: Omit<Authorization, 'signature'> | Authorization,
): string {
  return hmac(hmac(secretKey, prefixOf(how)), canonicalRequest(request, how.signedHeaders))
}

function prefixOf(how: { accessKey: string; timestamp: string; expirySeconds: number }): string {
  return `${SCHEME}/${how.accessKey}/${how.timestamp}/${how.expirySeconds}`
}

function canonicalRequest({ method, path, query, headers }: Signable, signedHeaders: readonly string[]): string {
  const uri = path.split('/').map(encode).join('/')
  const pairs = query
    .filter(([name]) => name.toLowerCase() !== 'authorization')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
  const names = signedHeaders.length > 0 ? signedHeaders : defaultHeaders(headers)
  const lines = [...new Set(names)].flatMap((name) => {
    const value = headers[name]?.trim()
    return value ? [`${encode(name)}:${encode(value)}`] : []
  })
  return [method.toUpperCase(), uri, pairs.sort().join('&'), lines.sort().join('\n')].join('\n')
}

function defaultHeaders(headers: Signable['headers']): string[] {
  return [...DEFAULT_HEADERS, ...Object.keys(headers).filter((name) => name.startsWith('x-bce-'))]
}

/** Keeps `A-Z a-z 0-9 - . _ ~`; a lone surrogate, which has no UTF-8, becomes U+FFFD as on the wire. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString()).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function hmac(key: string, data: string): string {
  return createHmac('sha256', key).update(data).digest('hex')
}
