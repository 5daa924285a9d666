import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Params, parseDuration } from '../../../src/vendors/eas/facade/params.js'
import { placeOfPath } from '../../../src/vendors/eas/facade/paths.js'
import { QueueProblem } from '../../../src/vendors/eas/facade/problem.js'
import {
  decodeAttributes,
  decodeFrame,
  decodeFrameList,
  decodeFrameListJson,
  encodeAttributes,
  encodeFrame,
  encodeFrameList,
  encodeFrameListJson,
} from '../../../src/vendors/eas/wire.js'

const tags = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))
const frames = fc.array(fc.record({ index: fc.bigInt(0n, 2n ** 64n - 1n), tags, data: fc.uint8Array() }))
const plain = (list: { index: unknown; tags: object; data: Uint8Array }[]) =>
  list.map(({ index, tags, data }) => [String(index), Object.entries(tags).sort(), [...data]])

describe('the encodings', () => {
  test('give back what went in, indexes of 64 bits too', () => {
    fc.assert(
      fc.property(frames, (list) => {
        expect(plain(decodeFrameList(encodeFrameList(list)))).toEqual(plain(list))
        expect(plain(decodeFrameListJson(encodeFrameListJson(list)))).toEqual(plain(list))
        expect(plain(list.map((frame) => decodeFrame(encodeFrame(frame))))).toEqual(plain(list))
      }),
    )
    fc.assert(
      fc.property(tags, (map) => {
        const decoded = decodeAttributes(encodeAttributes(map))
        expect(Object.entries(decoded).sort()).toEqual(Object.entries(map).sort())
      }),
    )
  })

  test('are those of the service: field 1 index, 2 tags, 3 data', () => {
    const frame = { index: 300, tags: { a: 'b' }, data: Buffer.from('xyz') }
    const hex = '08ac0212060a01611201621a0378797a'
    expect(Buffer.from(encodeFrame(frame)).toString('hex')).toBe(hex)
    expect(Buffer.from(encodeFrameList([frame])).toString('hex')).toBe(`0a${(hex.length / 2).toString(16)}${hex}`)
    expect(encodeFrameListJson([frame])).toBe('[{"index":300,"tags":{"a":"b"},"data":"eHl6"}]')
  })

  test('of nothing are an empty list', () => {
    expect(decodeFrameList(new Uint8Array())).toEqual([])
  })
})

describe('the parameters', () => {
  test('durations are those of Go, and bare numbers are seconds', () => {
    const texts = ['0s', '5s', '1m30s', '500ms', '1.5h', '.5s', '2us', '7', '+3s', '1h2m3s']
    expect(texts.map(parseDuration)).toEqual([0, 5_000, 90_000, 500, 5_400_000, 500, 0.002, 7_000, 3_000, 3_723_000])
    expect(['', 's', '5x', '-1s', '5 s', '1e3s', 'NaN'].map(parseDuration)).toEqual(Array(7).fill(undefined))
  })

  test('whatever is sent is understood or refused with 400', () => {
    const names = ['_index_', '_length_', '_timeout_', '_raw_', '_indexes_', '_window_', 'tag', '__proto__']
    const query = fc.array(fc.tuple(fc.constantFrom(...names), fc.string({ unit: 'binary' })))
    fc.assert(
      fc.property(query, (pairs) => {
        try {
          const params = new Params(`/?${new URLSearchParams(pairs)}`)
          expect(params.index('_index_')).toBeGreaterThanOrEqual(-1)
          expect(params.duration('_timeout_')).toBeGreaterThanOrEqual(0)
          params.integer('_length_', 1, 0)
          params.flag('_raw_')
          expect(params.indexes('_indexes_').every(Number.isSafeInteger)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(QueueProblem)
        }
      }),
    )
  })

  test('what is no control parameter is a tag', () => {
    expect(new Params('/x?_index_=1&_is_symbol_=true&requestId=a+b%2B').tags).toEqual({
      _is_symbol_: 'true',
      requestId: 'a b+',
    })
  })
})

test('paths mean the queues that the clients mean by them', () => {
  const input = (name?: string, hasSuffix = false) => ({ name, kind: 'input', hasSuffix })
  const sink = (name?: string) => ({ name, kind: 'sink', hasSuffix: false })
  const meaning = {
    '/': input(),
    '/api/predict': input(),
    '/api/predict/': input(),
    '/api/predict/svc': input('svc'),
    '/api/predict/group.svc/': input('group.svc'),
    '/api/predict/svc/other': input('svc', true),
    '/sink': sink(),
    '/sink/api/predict/': sink(),
    '/api/predict/svc/sink': sink('svc'),
    '/api/predict//sink': sink(),
    '/sink/other': undefined,
    '/api/predict/%E0%A4%A': undefined,
  }
  expect(Object.fromEntries(Object.keys(meaning).map((path) => [path, placeOfPath(path)]))).toEqual(meaning)
})
