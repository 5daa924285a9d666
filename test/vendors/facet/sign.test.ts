import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { identify, type JwtRules, readDownload, signDownload, userinfoOf } from '../../../src/vendors/facet/sign.js'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const seconds = (offset: number) => NOW / 1000 + offset
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string

function jwt(claims: object, alg = 'RS256', key: string | typeof pair.privateKey = pair.privateKey): string {
  const text = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`
  if (alg === 'none') return `${text}.`
  const signature =
    typeof key === 'string' ? createHmac('sha256', key).update(text).digest() : sign('sha256', Buffer.from(text), key)
  return `${text}.${signature.toString('base64url')}`
}

const rules: JwtRules = { algorithm: 'RS256', key: publicKey, issuer: 'https://i/p', audience: 'p', project: 'team' }
const claims = { sub: 'alice', iss: 'https://i/p', aud: 'p', iat: seconds(-10), exp: seconds(3600) }
const who = (token: string, more: Partial<JwtRules> = {}) =>
  identify({ authorization: `Bearer ${token}` }, { tokens: [], jwt: { ...rules, ...more } }, NOW)

describe('a signed token', () => {
  test('says who it is', () => {
    expect(who(jwt(claims))).toEqual({ user: 'alice', project: 'team' })
    expect(who(jwt({ ...claims, aud: ['x', 'p'] }))).toEqual({ user: 'alice', project: 'team' })
    const shared = { algorithm: 'HS256', key: 'shared' } as const
    expect(who(jwt(claims, 'HS256', 'shared'), shared)).toEqual({ user: 'alice', project: 'team' })
  })

  test('whose clock is a minute off still counts', () => {
    expect(who(jwt({ ...claims, exp: seconds(-59) }))).toHaveProperty('user')
    expect(who(jwt({ ...claims, exp: seconds(-61) }))).toHaveProperty('refused')
  })

  test.each([
    ['of another key', jwt(claims, 'RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)],
    ['without a signature', jwt(claims, 'none')],
    ['signed with the public key as a shared one', jwt(claims, 'HS256', publicKey)],
    ['of another issuer', jwt({ ...claims, iss: 'https://else' })],
    ['for another audience', jwt({ ...claims, aud: 'q' })],
    ['without an end', jwt({ ...claims, exp: undefined })],
    ['whose claims were changed', jwt(claims).replace(/\.[^.]+\./, `.${encode({ ...claims, sub: 'bob' })}.`)],
    ['that is none', 'x.y.z'],
    ['of two parts', 'x.y'],
  ])('%s is refused', (_, token) => {
    expect(who(token)).toEqual({ refused: expect.stringContaining('unknown or has expired') })
  })

  test('without a user is refused', () => {
    expect(who(jwt({ ...claims, sub: undefined }))).toEqual({ refused: 'User ID not found in authentication claims' })
  })
})

describe('the header of a gateway', () => {
  const trusted = { tokens: [], trustedProxy: { project: 'default' } }

  test.each([
    ['eyJzdWIiOiJhbGljZSJ9', 'alice'],
    ['eyJzdWIiOiJhbGljZTEifQ==', 'alice1'],
    ['eyJzdWIiOiJhbGljZTEifQ', 'alice1'],
    [userinfoOf('größer?>'), 'größer?>'],
  ])('%s says %s, padded or not', (userinfo, user) => {
    expect(identify({ userinfo }, trusted, NOW)).toEqual({ user, project: 'default' })
  })

  test('is not looked at where no gateway is trusted', () => {
    expect(identify({ userinfo: userinfoOf('alice') }, { tokens: [] }, NOW)).toHaveProperty('refused')
  })
})

describe('a download token', () => {
  const download = { user: 'u', project: 'p', id: 'training_ds_m_00000000', until: NOW }

  test('has the signature of its key', () => {
    const token = signDownload(download, 'key')
    const body = encode(download)
    expect(token).toBe(`${body}.${createHmac('sha256', 'key').update(body).digest('base64url')}`)
    expect(readDownload(token, 'key', NOW)).toEqual(download)
  })

  test('is over when its time is, and nothing else opens it', () => {
    const token = signDownload(download, 'key')
    expect(readDownload(token, 'key', NOW + 1)).toBeUndefined()
    expect(readDownload(token, 'other', NOW)).toBeUndefined()
    expect(readDownload(`${token}.x`, 'key', NOW)).toBeUndefined()
    expect(readDownload('', 'key', NOW)).toBeUndefined()
  })
})
