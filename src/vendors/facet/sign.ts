import { createHmac, timingSafeEqual, verify } from 'node:crypto'
import { z } from 'zod'

/** Who may call (reference §2), and the URLs that let a download through without a header (§3). */

/** A caller: jobs and data sets are a user's, and everything is in a project. */
export interface Caller {
  user: string
  project: string
}

/** How callers are known. */
export interface Access {
  tokens: (Caller & { token: string })[]
  jwt?: JwtRules | undefined
  /** In front stands a gateway that has checked the caller: its header counts, and callers are in this project. */
  trustedProxy?: { project: string } | undefined
}

export interface JwtRules {
  algorithm: 'HS256' | 'RS256'
  /** The shared secret, or the public key in PEM. */
  key: string
  issuer?: string | undefined
  audience?: string | undefined
  project: string
}

export const USERINFO = 'x-apigateway-api-userinfo'

/** The caller, or what a 401 says (reference §2: header absent, not readable, without `sub`). */
export function identify(
  headers: { authorization?: string | undefined; userinfo?: string | undefined },
  access: Access,
  now: number,
): Caller | { refused: string } {
  if (access.trustedProxy && headers.userinfo) return ofUserinfo(headers.userinfo, access.trustedProxy.project)
  const token = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  if (token === undefined)
    return { refused: 'Missing authentication userinfo. Ensure requests go through API Gateway.' }
  const known = access.tokens.filter((one) => isEqual(one.token, token))[0]
  if (known) return { user: known.user, project: known.project }
  const claims = access.jwt ? verifyJwt(token, access.jwt, now) : undefined
  if (!claims) return { refused: 'Invalid authentication userinfo format: the token is unknown or has expired' }
  return ofClaims(claims, access.jwt?.project as string)
}

/** base64url of the claims, padded or not. */
function ofUserinfo(userinfo: string, project: string): Caller | { refused: string } {
  const claims = /^[A-Za-z0-9_+/-]+=*$/.test(userinfo) ? readClaims(userinfo.replace(/=+$/, '')) : undefined
  if (!claims) return { refused: 'Invalid authentication userinfo format: expected base64url of a JSON object' }
  return ofClaims(claims, project)
}

function ofClaims(claims: Claims, project: string): Caller | { refused: string } {
  return claims.sub ? { user: claims.sub, project } : { refused: 'User ID not found in authentication claims' }
}

/** The header that a gateway puts in place of a token. */
export function userinfoOf(user: string): string {
  return Buffer.from(JSON.stringify({ sub: user })).toString('base64url')
}

const Claims = z.looseObject({
  sub: z.string().optional(),
  iss: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  exp: z.number().optional(),
})
type Claims = z.infer<typeof Claims>

/** Clocks may differ by this. Milliseconds. */
const LEEWAY = 60_000

/** The claims of a token whose signature, time, issuer and audience are right; undefined otherwise. */
export function verifyJwt(token: string, rules: JwtRules, now: number): Claims | undefined {
  const [header = '', payload = '', signature = '', ...more] = token.split('.')
  const { alg } = z.looseObject({ alg: z.string() }).safeParse(readJson(header)).data ?? {}
  if (more.length > 0 || alg !== rules.algorithm || !isSigned(`${header}.${payload}`, signature, rules))
    return undefined
  const claims = readClaims(payload)
  if (!claims || claims.exp === undefined || claims.exp * 1000 + LEEWAY < now) return undefined
  if (rules.issuer !== undefined && claims.iss !== rules.issuer) return undefined
  if (rules.audience !== undefined && ![claims.aud].flat().includes(rules.audience)) return undefined
  return claims
}

function isSigned(text: string, signature: string, { algorithm, key }: JwtRules): boolean {
  if (algorithm === 'HS256') return isEqual(createHmac('sha256', key).update(text).digest('base64url'), signature)
  return verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}

function readClaims(encoded: string): Claims | undefined {
  return Claims.safeParse(readJson(encoded)).data
}

function readJson(encoded: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url')))
  } catch {
    return undefined
  }
}

/** What a download token stands for. */
const Download = z.object({ user: z.string(), project: z.string(), id: z.string(), until: z.number() })
export type Download = z.infer<typeof Download>

export function signDownload(download: Download, key: string): string {
  const body = Buffer.from(JSON.stringify(download)).toString('base64url')
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
}

/** What the token lets through; undefined where it is not ours, or its time is over. */
export function readDownload(token: string, key: string, now: number): Download | undefined {
  const [body = '', signature = '', ...more] = token.split('.')
  if (more.length > 0 || !isEqual(createHmac('sha256', key).update(body).digest('base64url'), signature))
    return undefined
  const download = Download.safeParse(readJson(body)).data
  return download && download.until >= now ? download : undefined
}

/** In a time that does not depend on where they differ. */
function isEqual(a: string, b: string): boolean {
  const hash = (text: string) => createHmac('sha256', 'equal').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}
