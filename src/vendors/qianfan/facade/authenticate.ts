import type { FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { QianfanGateway } from '../config.js'
import { type Authorization, isSignedBy, parseAuthorization, type Signable } from '../sign.js'
import { CODES } from '../wire.js'
import { Refusal } from './refusal.js'

/** Who asks: the tenant, and the name under which the timeline shows what was done. */
export interface Caller {
  project: string
  actor: string
}

/** A clock may be this far ahead of ours (§12 #12). Milliseconds. */
const AHEAD = 15 * 60_000

/** The two texts that the Python SDK knows and explains (§6). */
const UNKNOWN_KEY = 'NotFound, cause: Could not find credential.'
const WRONG_SIGNATURE = 'SignatureDoesNotMatch, cause: Fail to authn user: Signature does not match'
const NOT_SIGNED =
  'This API wants requests that are signed with an access key and a secret key (bce-auth-v1), not a bearer or access token.' +
  ' In the Go SDK, unset QIANFAN_AK and QIANFAN_SK: where they are set, it does not sign.'

/** Verifies the signature, before anything of the body is read (§9 #2). Throws a Refusal without a body (§12 #9). */
export function authenticate(request: FastifyRequest, deps: FacadeDeps<QianfanGateway>, now = Date.now()): Caller {
  if (deps.isOpen) return { project: 'default', actor: 'qianfan:open' }
  const signable = signableOf(request)
  const authorization = authorizationOf(request, signable)
  const credential = deps.config.credentials.find(({ accessKey }) => accessKey === authorization.accessKey)
  if (!credential) throw refused(403, CODES.unknownKey, UNKNOWN_KEY)
  const secret = deps.secret(credential.secretKey)
  if (!asSigned(signable, authorization).some((request) => isSignedBy(request, secret, authorization))) {
    throw refused(400, CODES.badSignature, WRONG_SIGNATURE)
  }
  checkTime(authorization, deps.config.longestExpiry, now)
  return { project: credential.project, actor: `qianfan:${credential.accessKey}` }
}

function authorizationOf(request: FastifyRequest, { query }: Signable): Authorization {
  const header = request.headers.authorization ?? ''
  const hasToken = query.some(([name]) => name === 'access_token')
  if (hasToken || !header.startsWith('bce-auth-v1')) throw refused(400, CODES.badAuthorization, NOT_SIGNED)
  const authorization = parseAuthorization(header)
  if (!authorization) throw refused(400, CODES.badAuthorization, 'The Authorization header is malformed.')
  const { signedHeaders } = authorization
  if (signedHeaders.length > 0 && !signedHeaders.includes('host')) {
    throw refused(400, CODES.badAuthorization, 'The header host must be signed.') // §12 #13
  }
  return authorization
}

/** Judged by the time in the header; `x-bce-date` may be minutes away from it in the service's own samples (§7). */
function checkTime({ timestamp, expirySeconds }: Authorization, longestExpiry: number, now: number): void {
  const signedAt = Date.parse(timestamp)
  const isExpired = signedAt + Math.min(expirySeconds, longestExpiry) * 1_000 < now
  if (!isExpired && signedAt <= now + AHEAD) return
  const why = isExpired ? 'has expired' : 'lies in the future'
  throw refused(400, CODES.expired, `The signature of ${timestamp} ${why}; here it is ${new Date(now).toISOString()}.`)
}

function refused(status: number, code: string, message: string): Refusal {
  return new Refusal(status, code, message, true)
}

function signableOf(request: FastifyRequest): Signable {
  const [path = '/', query = ''] = (request.raw.url ?? '/').split(/\?(.*)/s, 2)
  const headers = Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(',')])
  return {
    method: request.method,
    path: decode(path),
    query: query.split('&').filter(Boolean).map(pairOf),
    headers: Object.fromEntries(headers),
  }
}

function pairOf(part: string): [string, string] {
  const [name = '', value = ''] = part.split(/=(.*)/s, 2)
  return [decode(name), decode(value)]
}

/** Text that is not well escaped is left as it is: its signature then does not match. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * What may have been signed: the request as received; its host without the port, as Go and Java sign it (§8); its date as the
 * Authorization header has it, since Java's SDK looks at the clock once for the signature and once more for `x-bce-date`,
 * which are two different seconds now and then. The date decides nothing here: the time is judged by the Authorization header.
 */
function asSigned(request: Signable, { timestamp }: Authorization): Signable[] {
  const { host = '', 'x-bce-date': date } = request.headers
  const hosts = new Set([host, host.replace(/:\d+$/, '')])
  const dates = new Set([date, timestamp])
  return [...hosts].flatMap((host) =>
    [...dates].map((date) => ({ ...request, headers: { ...request.headers, host, 'x-bce-date': date } })),
  )
}
