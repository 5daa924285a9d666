import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSignedBy, parseAuthorization, type Signable, sign, signatureOf } from '../../../src/vendors/qianfan/sign.js'

// The vectors of reference/qianfan-finetune.md §7.
const STOP: Signable = {
  method: 'POST',
  path: '/v2/finetuning',
  query: [['Action', 'StopFineTuningTask']],
  headers: {
    host: 'qianfan.baidubce.com',
    'content-type': 'application/json',
    'x-bce-date': '2024-06-01T00:00:00Z',
    authorization: 'never covered',
  },
}
const KEY = { accessKey: 'ak-test', secretKey: 'sk-test' }
const HOW = {
  timestamp: '2024-06-01T00:00:00Z',
  expirySeconds: 1800,
  signedHeaders: ['content-type', 'host', 'x-bce-date'],
}
const SIGNATURE = 'aef72281538b13871d8074cea94f410ec4f3a13a6814c09b6b788d31432e37b7'

test('A stop is signed as the official signers of Python and Node sign it', () => {
  expect(sign(STOP, KEY, HOW)).toBe(
    `bce-auth-v1/ak-test/2024-06-01T00:00:00Z/1800/content-type;host;x-bce-date/${SIGNATURE}`,
  )
})

test('The official example, which names no headers, is signed over the default set', () => {
  const request: Signable = {
    method: 'PUT',
    path: '/v1/test/myfolder/readme.txt',
    query: [
      ['partNumber', '9'],
      ['uploadId', 'a44cc9bab11cbd156984767aad637851'],
    ],
    headers: {
      host: 'bj.bcebos.com',
      'content-length': '8',
      'content-type': 'text/plain',
      'content-md5': 'NFzcPqhviddjRNnSOGo4rw==',
      'x-bce-date': '2015-04-27T08:23:49Z',
      'user-agent': 'not part of it',
    },
  }
  const how = {
    accessKey: 'a'.repeat(32),
    timestamp: '2015-04-27T08:23:49Z',
    expirySeconds: 1800,
    signedHeaders: [],
  }
  expect(signatureOf(request, 'b'.repeat(32), how)).toBe(
    'd74a04362e6a848f5b39b15421cb449427f419c95a480fd6b8cf9fc783e2999e',
  )
})

test('The order in which headers are named does not matter, since Python names them in any order', () => {
  for (const signedHeaders of [
    ['x-bce-date', 'host', 'content-type'],
    ['host', 'x-bce-date', 'content-type', 'host'],
  ]) {
    expect(signatureOf(STOP, 'sk-test', { ...HOW, accessKey: 'ak-test', signedHeaders })).toBe(SIGNATURE)
  }
})

test('Whatever the request and the secret, a signature is read back and holds for its request alone', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, text, fc.array(fc.tuple(text, text)), text, (secret, path, query, date) => {
      const request = { ...STOP, path: `/${path}`, query, headers: { ...STOP.headers, 'x-bce-date': date } }
      const authorization = parseAuthorization(sign(request, { ...KEY, secretKey: secret }, HOW))
      if (!authorization) throw new Error('what we sign cannot be read')
      expect(isSignedBy(request, secret, authorization)).toBe(true)
      expect(isSignedBy({ ...request, method: 'PUT' }, secret, authorization)).toBe(false)
      expect(isSignedBy({ ...request, query: [...query, ['x', '']] }, secret, authorization)).toBe(false)
      expect(isSignedBy(request, `${secret}.`, authorization)).toBe(false)
    }),
  )
})

test('A parameter named authorization is not covered, and an empty value keeps its sign', () => {
  const how = { ...HOW, accessKey: 'ak-test' }
  const plain = signatureOf({ ...STOP, query: [['a', '']] }, 's', how)
  const withParameter: Signable['query'] = [
    ['Authorization', 'x'],
    ['a', ''],
  ]
  expect(signatureOf({ ...STOP, query: withParameter }, 's', how)).toBe(plain)
  expect(signatureOf({ ...STOP, query: [] }, 's', how)).not.toBe(plain)
})

test.each([
  '',
  'Bearer abc',
  'bce-auth-v1',
  'bce-auth-v1/ak/2024-06-01T00:00:00Z/1800/host',
  `bce-auth-v2/ak/2024-06-01T00:00:00Z/1800/host/${SIGNATURE}`,
  `bce-auth-v1//2024-06-01T00:00:00Z/1800/host/${SIGNATURE}`,
  `bce-auth-v1/ak/2024-06-01T00:00:00.000Z/1800/host/${SIGNATURE}`,
  `bce-auth-v1/ak/2024-13-01T00:00:00Z/1800/host/${SIGNATURE}`,
  `bce-auth-v1/ak/2024-06-01T00:00:00Z/-1/host/${SIGNATURE}`,
  `bce-auth-v1/ak/2024-06-01T00:00:00Z/1e9/host/${SIGNATURE}`,
  `bce-auth-v1/ak/2024-06-01T00:00:00Z/1800/ho st/${SIGNATURE}`,
  'bce-auth-v1/ak/2024-06-01T00:00:00Z/1800/host/abc',
  `bce-auth-v1/ak/2024-06-01T00:00:00Z/1800/host/${SIGNATURE}/more`,
])('%j is no authorization', (header) => {
  expect(parseAuthorization(header)).toBeUndefined()
})

test('Any text is either read as an authorization or not, and never throws', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseAuthorization(`bce-auth-v1/${text}`)))
})
