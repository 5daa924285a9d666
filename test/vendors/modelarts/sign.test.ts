import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  authorization,
  canonicalRequest,
  isEqual,
  parseAuthorization,
  parseSdkDate,
  sdkDate,
  sha256,
  signature,
} from '../../../src/vendors/modelarts/sign.js'

/** Huawei's API Request Signing Guide, "Calculating a signature": request, hash, sample secret key and signature. */
const GUIDE = {
  method: 'GET',
  url: '/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0',
  headers: {
    'content-type': 'application/json',
    host: 'service.region.example.com',
    'x-sdk-date': '20191115T033655Z',
  },
  body: Buffer.alloc(0),
}
/** The key that the guide prints with its example. */
const SECRET = 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc'

describe('SDK-HMAC-SHA256', () => {
  test("gives the guide's canonical request, hash and signature", () => {
    expect(canonicalRequest(GUIDE)).toBe(
      [
        'GET',
        '/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs/',
        'limit=2&marker=13551d6b-755d-4757-b956-536f674975c0',
        'content-type:application/json',
        'host:service.region.example.com',
        'x-sdk-date:20191115T033655Z',
        '',
        'content-type;host;x-sdk-date',
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      ].join('\n'),
    )
    expect(sha256(canonicalRequest(GUIDE))).toBe('b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a')
    expect(signature(GUIDE, SECRET)).toBe('7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe')
  })

  test('a slash at the end of the path, the order of the query and the case of its escapes change nothing', () => {
    const other = '/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs/?marker=13551d6b%2d755d-4757-b956-536f674975c0&limit=2'
    expect(signature({ ...GUIDE, url: other }, SECRET)).toBe(signature(GUIDE, SECRET))
  })

  test('encodes everything but letters, digits and -_.~ , and gives a parameter without value an equals sign', () => {
    const [, path, query] = canonicalRequest({ ...GUIDE, url: "/a b/ü/(x)*'!?k&a=%2F+~" }).split('\n')
    expect(path).toBe('/a%20b/%C3%BC/%28x%29%2A%27%21/')
    expect(query).toBe('a=%2F%2B~&k=')
  })

  test('one other byte of the body is another signature', () => {
    const signed = (body: string) => signature({ ...GUIDE, method: 'POST', body: Buffer.from(body) }, SECRET)
    expect(signed('{"a":1}')).not.toBe(signed('{"a":1} '))
  })

  test('what it writes into Authorization can be read back', () => {
    const header = authorization(GUIDE, { accessKey: 'AK', secretKey: SECRET })
    expect(parseAuthorization(header)).toEqual({
      accessKey: 'AK',
      signedHeaders: ['content-type', 'host', 'x-sdk-date'],
      signature: signature(GUIDE, SECRET),
    })
  })

  test('dates are read as they are written, and other texts are none', () => {
    expect(sdkDate(Date.UTC(2019, 10, 15, 3, 36, 55))).toBe('20191115T033655Z')
    expect(parseSdkDate('20191115T033655Z')).toBe(Date.UTC(2019, 10, 15, 3, 36, 55))
    for (const text of ['', '20191115', '20191399T033655Z', '2019-11-15T03:36:55Z']) {
      expect(parseSdkDate(text)).toBeUndefined()
    }
  })

  test('no header and no address makes the parsers throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (header, url) => {
        parseAuthorization(header)
        parseSdkDate(header)
        canonicalRequest({ ...GUIDE, url })
        isEqual(header, url)
      }),
    )
  })
})
