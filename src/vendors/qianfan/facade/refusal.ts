import { randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { failureCode } from '../../../schema/failure.js'
import { CODES } from '../wire.js'

/** What a client is refused with: status and code of reference/qianfan-finetune.md §6. */
export class Refusal extends Error {
  /** `hidden`: no body, only headers, as the service's entrance does it (§12 #9). */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly isHidden = false,
  ) {
    super(message)
  }
}

/** The service's standard sentence, as the SDK's mock sends it. */
const INAPPROPRIATE = 'The JSON you provided was well-formed and valid, but not appropriate for this operation.'

/** A field with the wrong content; the message ends with its name as the service's does (§6, §12 #4). */
export function inappropriate(field: string, detail?: string): Refusal {
  const said = [INAPPROPRIATE, ...(detail ? [detail] : []), `param[${field}] invalid.`]
  return new Refusal(400, CODES.inappropriate, said.join(' '))
}

/** Parses a request; what does not fit is refused with the innermost field's name. */
export function fitting<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0] as z.core.$ZodIssue
  const field = issue.path.findLast((key) => typeof key === 'string') ?? 'body'
  throw inappropriate(String(field), `${issue.message}.`)
}

/** What is thrown while answering, as what the client hears; undefined for what should not have happened. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  const code = failureCode(error)
  // §12 #21: an overloaded facade answers 429; the service publishes no code for it.
  if (code === 'unavailable') return new Refusal(429, 'RequestLimitExceeded', `${(error as Error).message}. Try again.`)
  if (code === 'quota_exceeded') return new Refusal(429, 'RequestLimitExceeded', `${(error as Error).message}.`)
  if (code === 'disk_full') return new Refusal(500, CODES.internal, (error as Error).message)
  return undefined
}

/** Sends it with the error headers of the service's entrance, which Python and Go read (§6, §8). */
export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const requestId = String(reply.getHeader('x-bce-request-id') ?? randomUUID())
  reply.code(refusal.status).header('x-bce-request-id', requestId)
  if (!refusal.isHidden) {
    return sendJson(reply, { requestId, code: refusal.code, message: refusal.message })
  }
  return reply.header('X-Bce-Error-Code', refusal.code).header('X-Bce-Error-Message', refusal.message).send()
}

export function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.type('application/json; charset=utf-8').serializer(JSON.stringify).send(body)
}
