import type { FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { Credential, GatewayConfig } from '../config.js'
import { type Authorization, hmacSignature, isFresh, isSame, parseAuthorization } from '../sign.js'
import { Refusal } from './answer.js'

/** Who asks. A sub-account sees only what it has made itself (reference §6, access scope). */
export interface Caller {
  project: string
  account: string
  isMaster: boolean
  actor: string
}

/** Codes of the vendor's gateway; all have HTTP status 401 (§1, §12). */
const CODES = {
  missing: 40401,
  malformed: 40001,
  timestamp: 40002,
  signature: 40003,
  disabled: 40004,
  expired: 40005,
  unknown: 40006,
} as const

/** A credential with the values of its secrets. */
type Known = { credential: Credential; key?: string; accessKey?: string; secretKey?: string }

/** Reads all secrets now, so that one that is missing stops the start and not a client; fails with `invalid_request`. */
export function callers({ config, isOpen, secret }: FacadeDeps<GatewayConfig>): (request: FastifyRequest) => Caller {
  if (isOpen) return () => ({ project: 'default', account: 'open', isMaster: true, actor: 'alayanew:open' })
  const known = config.credentials.map(
    (credential): Known =>
      'key' in credential
        ? { credential, key: secret(credential.key) }
        : { credential, accessKey: credential.accessKey, secretKey: secret(credential.secretKey) },
  )
  return (request) => callerOf(identify(request, known))
}

function identify(request: FastifyRequest, known: Known[]): Credential {
  const header = request.headers.authorization
  if (!header) throw refusal('missing', 'No credential: send an Authorization header')
  const said = parseAuthorization(header)
  if (!said)
    throw refusal('malformed', 'The Authorization header is malformed: expected Bearer or alayanew-HMAC-SHA256')
  const found = find(request, said, known)
  if (found.credential.disabled) throw refusal('disabled', 'The key is disabled')
  const { expires } = found.credential
  if (expires && Date.parse(expires) <= Date.now()) throw refusal('expired', `The key expired at ${expires}`)
  return found.credential
}

function find(request: FastifyRequest, said: Authorization, known: Known[]): Known {
  if (said.scheme === 'bearer') {
    const found = known.find(({ key }) => key !== undefined && isSame(key, said.key))
    if (!found) throw refusal('unknown', 'The key is not known')
    return found
  }
  const found = known.find(({ accessKey }) => accessKey === said.accessKey)
  if (said.scheme === 'hmac' && !isFresh(said.timestamp, Date.now())) {
    throw refusal('timestamp', 'The timestamp is not Unix milliseconds, or more than 5 minutes away')
  }
  if (!found) throw refusal('unknown', 'The access key is not known')
  const secretKey = found.secretKey as string
  const isRight =
    said.scheme === 'plain'
      ? isSame(said.secretKey, secretKey)
      : isSame(
          said.signature,
          hmacSignature({ secretKey, timestamp: said.timestamp, method: request.method, path: pathOf(request) }),
        )
  if (!isRight) throw refusal('signature', 'The signature does not match')
  return found
}

/** As it was sent, with its prefix and without its query. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] as string
}

function callerOf({ name, project, account = name, master }: Credential): Caller {
  return { project, account, isMaster: master, actor: `alayanew:${name}` }
}

function refusal(code: keyof typeof CODES, message: string): Refusal {
  return new Refusal(CODES[code], message, 401)
}
