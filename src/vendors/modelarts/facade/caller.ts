import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { bodyOf, type FacadeDeps } from '../../../gateway/facade.js'
import type { GatewayConfig } from '../config.js'
import { isEqual, MAX_SKEW, parseAuthorization, parseSdkDate, sha256, signature } from '../sign.js'
import { GatewayRefusal, Refusal } from './refusal.js'
import { readToken } from './tokens.js'

/** Who asks, and in which of our projects. */
export interface Caller {
  project: string
  actor: string
}

type Deps = FacadeDeps<GatewayConfig>
type Known = { projectId: string; project: string; name: string }

/**
 * Who sent a request: by `X-Auth-Token`, or by its signature (reference §9). Refuses with 0201–0203 and 0210 of the service, and a wrong
 * signature with APIGW.0301 as the gateway in front of it does.
 */
export function callerOf(request: FastifyRequest, deps: Deps): Caller {
  if (deps.isOpen) return { project: 'default', actor: 'modelarts:open' }
  const known = whoIs(request, deps)
  if ((request.params as { project_id?: string }).project_id !== known.projectId) {
    throw new Refusal('ModelArts.0210', 'The project in the URL is not the project of the credential')
  }
  return { project: known.project, actor: `modelarts:${known.name}` }
}

function whoIs(request: FastifyRequest, deps: Deps): Known {
  const token = request.headers['x-auth-token']
  if (typeof token === 'string' && token !== '') return byToken(token, deps)
  const { authorization } = request.headers
  if (authorization !== undefined) return bySignature(request, authorization, deps)
  throw new Refusal('ModelArts.0201', 'The token is missing: send X-Auth-Token, or sign the request with AK/SK')
}

function byToken(token: string, deps: Deps): Known {
  for (const [i, known] of deps.config.tokens.entries()) {
    if (isEqual(digest(token), digest(deps.secret(known.token)))) return { ...known, name: `token-${i + 1}` }
  }
  const user = readToken(token, deps.config.users, deps.secret, Date.now())
  if (user === 'expired') throw new Refusal('ModelArts.0202', 'The token has expired')
  if (!user) throw new Refusal('ModelArts.0203', 'The token cannot be read')
  return user
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

function bySignature(request: FastifyRequest, header: string, deps: Deps): Known {
  const refuse = (why: string) =>
    new GatewayRefusal(401, 'APIGW.0301', `Incorrect IAM authentication information: ${why}`)
  const claim = parseAuthorization(header)
  if (!claim) throw refuse('the Authorization header is not of the form SDK-HMAC-SHA256 Access=…')
  const { credentials } = deps.config
  const credential = Object.hasOwn(credentials, claim.accessKey) ? credentials[claim.accessKey] : undefined
  if (!credential) throw refuse(`AK ${claim.accessKey} does not exist`)
  const headers = signedHeaders(request, claim.signedHeaders)
  const date = parseSdkDate(headers['x-sdk-date'] ?? '')
  if (date === undefined) throw refuse('X-Sdk-Date must be signed, as YYYYMMDDTHHMMSSZ')
  if (Math.abs(Date.now() - date) > MAX_SKEW) throw refuse('the request has expired, see the clock of the client')
  const body = bodyOf(request)
  const stated = request.headers['x-sdk-content-sha256']
  if (stated !== undefined && stated !== sha256(body)) throw refuse('X-Sdk-Content-Sha256 is not the hash of the body')
  const expected = signature(
    { method: request.method, url: request.raw.url ?? '', headers, body },
    deps.secret(credential.secretKey),
  )
  if (!isEqual(expected, claim.signature)) throw refuse('verify aksk signature fail')
  return { ...credential, name: claim.accessKey }
}

/** The signed headers with the bytes that were sent: node reads them as Latin-1. */
function signedHeaders(request: FastifyRequest, names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const value = request.headers[name.toLowerCase()]
      return [name, Buffer.from([value ?? ''].flat().join(','), 'latin1').toString('utf8')]
    }),
  )
}
