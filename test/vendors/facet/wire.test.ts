import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dumpRequest, jobIdOf } from '../../../src/vendors/facet/job-id.js'
import * as lax from '../../../src/vendors/facet/lax.js'
import { dumpJson, type Json, type JsonError, parseJson, pythonFloat } from '../../../src/vendors/facet/python-json.js'
import { readTrainRequest, TRAINERS, type TrainRequest } from '../../../src/vendors/facet/wire.js'
import vectors from './vectors.json' with { type: 'json' }

const READERS: Record<string, lax.Reader<unknown>> = {
  int: lax.int,
  float: lax.float,
  bool: lax.bool,
  text: lax.text,
  word: lax.oneOf(...TRAINERS),
  list: lax.listOf(lax.text),
}

function requestOf(body: unknown): TrainRequest {
  const read = readTrainRequest(body as Json)
  if (!('request' in read)) throw new Error(JSON.stringify(read.issues))
  return read.request
}

/** What Python itself does, where it is asked and not only remembered. */
function python(program: string, ...args: string[]): string {
  return execFileSync('python3', ['-c', program, ...args], { encoding: 'utf8' }).trimEnd()
}

describe('values are read as the service reads them', () => {
  test.each(vectors.lax as [string, string, { value?: unknown; issues?: unknown }][])(
    '%s %s',
    (kind, input, expected) => {
      const issues: lax.Issue[] = []
      const value = (READERS[kind] as lax.Reader<unknown>)(parseJson(input), [], issues)
      if (expected.issues) expect(issues.map(({ input: _, ...issue }) => issue)).toEqual(expected.issues)
      else expect({ issues, value }).toEqual({ issues: [], value: expected.value })
    },
  )

  test('numbers that JSON cannot carry on, and whole numbers beyond 2^53, are refused', () => {
    for (const [reader, input, type] of [
      [lax.float, 'NaN', 'finite_number'],
      [lax.float, '"-inf"', 'finite_number'],
      [lax.float, '1e400', 'finite_number'],
      [lax.int, '-Infinity', 'finite_number'],
      [lax.int, '9007199254740993', 'int_parsing_size'],
    ] as const) {
      const issues: lax.Issue[] = []
      reader(parseJson(input), [], issues)
      expect(issues).toMatchObject([{ type }])
    }
  })

  test('half of a pair of surrogates is no text', () => {
    const issues: lax.Issue[] = []
    lax.text(parseJson('"\\ud800"'), [], issues)
    expect(issues).toMatchObject([{ type: 'string_unicode' }])
  })
})

describe('JSON is read and written as Python does', () => {
  test.each(vectors.json as [string, number, string][])('%j fails at %i: %s', (text, position, message) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ position, message }))
  })

  test.each(vectors.dump as [string, string][])('%s', (text, expected) => {
    expect(dumpJson(parseJson(text))).toBe(expected)
  })

  test.each(vectors.floats as [string, string][])('the float %s', (text, expected) => {
    expect(pythonFloat(Number(text))).toBe(expected)
  })

  test('whatever the value, JSON.stringify and back is the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(dumpJson(parseJson(JSON.stringify(value))))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('whatever the text, it is read or refused with a place in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ue1-+.0 \ntnfI😀') }), (text) => {
        try {
          parseJson(text)
        } catch (error) {
          expect((error as JsonError).position).toBeLessThanOrEqual(text.length)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('a thousand random floats have the form that python3 gives them', () => {
    const floats = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), 1000)
    const said = python(
      'import json,sys; print(json.dumps(json.loads(sys.argv[1])))',
      `[${floats.map((f) => pythonFloat(f))}]`,
    )
    expect(said).toBe(`[${floats.map(pythonFloat).join(', ')}]`)
  })
})

describe('the job id', () => {
  test.each([
    [{}, 'training_ds-1_gemma-3-1b-it_3a78f17b'],
    [{ hyperparameters: { learning_rate: 2e-5, beta: 1 } }, 'training_ds-1_gemma-3-1b-it_be42c066'],
  ])('of the check values %j', (more, id) => {
    const training_config = { base_model_id: 'google/gemma-3-1b-it', ...more }
    expect(jobIdOf(requestOf({ processed_dataset_id: 'ds 1', hf_token: 't', training_config }))).toBe(id)
  })

  test.each(vectors.ids as [unknown, string][])('of %j', (body, id) => {
    expect(jobIdOf(requestOf(body))).toBe(id)
  })

  test('is the hash that python3 makes of the defaulted request', () => {
    const hash =
      'import json,hashlib,sys; r=json.dumps(json.loads(sys.argv[1]),sort_keys=True); print(hashlib.sha256(r.encode()).hexdigest()[:8])'
    for (const [body, id] of vectors.ids as [unknown, string][]) {
      expect(id.endsWith(`_${python(hash, dumpRequest(requestOf(body)))}`)).toBe(true)
    }
  })
})

describe('what is wrong with a request is said as the service says it', () => {
  test.each(vectors.issues as [Json, unknown][])('%j', (body, detail) => {
    const { issues } = readTrainRequest(body) as { issues: lax.Issue[] }
    expect(JSON.parse(JSON.stringify(issues))).toEqual(detail)
  })

  test.each(vectors.graders as [Json, unknown][])(
    'of the grader %j, and only of the variant that it names',
    (grader, detail) => {
      const training_config = { base_model_id: 'google/gemma-3-1b-it', reward_config: [grader] }
      const read = readTrainRequest({ processed_dataset_id: 'ds 1', hf_token: 't', training_config } as Json)
      expect(read.issues).toEqual(detail)
    },
  )
})
