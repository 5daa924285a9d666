import type { Json } from '../python-json.js'
import { JsonError, parseJson, TooDeep } from '../python-json.js'
import { issuesOf } from '../rules.js'
import { readTrainRequest, type TrainRequest } from '../wire.js'
import { issue, Refusal } from './refusal.js'

/** A body as FastAPI takes it before it asks who calls: JSON by its content type, else something that is no object. */
export type Body = { json: Json } | 'none' | 'not JSON'

/** Fails with 422 for JSON that cannot be parsed, and with 400 for what is no text at all. */
export function readBody(bytes: Buffer, contentType: string | undefined): Body {
  if (bytes.length === 0) return 'none'
  if (!isJson(contentType)) return 'not JSON'
  try {
    return { json: parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) }
  } catch (error) {
    if (error instanceof JsonError) {
      const { position, message } = error
      throw new Refusal(422, [issue('json_invalid', ['body', position], 'JSON decode error', {}, { error: message })])
    }
    if (error instanceof TypeError || error instanceof TooDeep) {
      throw new Refusal(400, 'There was an error parsing the body')
    }
    throw error
  }
}

/** Without a type it counts as JSON, as in the FastAPI that the service ran on. */
function isJson(contentType: string | undefined): boolean {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  return !type || /^application\/(json|[^/]*\+json)$/.test(type)
}

/** The request with its defaults; fails with 422 and everything that is wrong. */
export function requestOf(body: Body, options: { pythonGraders: boolean }): TrainRequest {
  if (body === 'none') throw new Refusal(422, [issue('missing', ['body'], 'Field required', null)])
  // A text that is not taken for JSON may hold a token all the same, so it is not given back.
  const read = readTrainRequest(body === 'not JSON' ? '**********' : body.json)
  if (!('request' in read)) throw new Refusal(422, read.issues)
  const issues = issuesOf(read.request, options)
  if (issues.length > 0) throw new Refusal(422, issues)
  return read.request
}
