import { describe, expect, test } from 'vitest'
import {
  CLOCK_WINDOW,
  hmacHeader,
  hmacSignature,
  isFresh,
  isSame,
  parseAuthorization,
} from '../../../src/vendors/alayanew/sign.js'

const list = { method: 'GET', path: '/api/osm/v1/training/instance/list' }

describe('a request is signed as the vendor signs it', () => {
  test('the check value of the reference (§1)', () => {
    expect(hmacSignature({ secretKey: 'sk_demo', timestamp: '1700000000000', ...list })).toBe(
      '9115c6af633c047b1278fc2aa1f7d3287b66b9ec49ba7a6f73e9befa2710beed',
    )
  })

  test('the header names key, time and signature, and reads back as they were', () => {
    const header = hmacHeader({ accessKey: 'ak_demo', secretKey: 'sk_demo', now: 1_700_000_000_000, ...list })
    expect(header).toBe(
      'alayanew-HMAC-SHA256 ak_demo:1700000000000:9115c6af633c047b1278fc2aa1f7d3287b66b9ec49ba7a6f73e9befa2710beed',
    )
    expect(parseAuthorization(header)).toEqual({
      scheme: 'hmac',
      accessKey: 'ak_demo',
      timestamp: '1700000000000',
      signature: '9115c6af633c047b1278fc2aa1f7d3287b66b9ec49ba7a6f73e9befa2710beed',
    })
  })

  test('the method counts in upper case; path, time and key change the signature', () => {
    const request = { secretKey: 's', timestamp: '1', ...list }
    const signature = hmacSignature(request)
    expect(hmacSignature({ ...request, method: 'get' })).toBe(signature)
    const others = [{ method: 'POST' }, { path: '/v1/training/instance/list' }, { timestamp: '2' }, { secretKey: 't' }]
    for (const other of others) expect(hmacSignature({ ...request, ...other })).not.toBe(signature)
  })
})

describe('what a header says', () => {
  test('a key, or a pair of the older API', () => {
    expect(parseAuthorization('Bearer abc')).toEqual({ scheme: 'bearer', key: 'abc' })
    expect(parseAuthorization('bearer  abc ')).toEqual({ scheme: 'bearer', key: 'abc' })
    const plain = { scheme: 'plain', accessKey: 'ak', secretKey: 'sk' }
    expect(parseAuthorization('plain Credential=ak,Signature=sk')).toEqual(plain)
  })

  test.each(['', 'Bearer', 'Bearer ', 'Bearer a b', 'Basic abc', 'abc', 'alayanew-HMAC-SHA256 a:b', 'plain ak,sk'])(
    '%j is none of the three',
    (header) => expect(parseAuthorization(header)).toBeUndefined(),
  )

  test('a time is fresh for five minutes either way, and only as milliseconds', () => {
    const now = 1_700_000_000_000
    for (const off of [0, CLOCK_WINDOW, -CLOCK_WINDOW]) expect(isFresh(String(now + off), now)).toBe(true)
    for (const off of [CLOCK_WINDOW + 1, -CLOCK_WINDOW - 1]) expect(isFresh(String(now + off), now)).toBe(false)
    for (const text of ['', 'x', '1700000000', '-1', '1e12']) expect(isFresh(text, now)).toBe(false)
  })

  test('secrets of any length are compared', () => {
    expect(isSame('abc', 'abc')).toBe(true)
    expect(isSame('abc', 'abd')).toBe(false)
    expect(isSame('abc', 'abcd')).toBe(false)
  })
})
