import { randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { failureCode } from '../../../schema/failure.js'
import { CODES, type Code } from '../wire.js'

/** A refusal in the service's own envelope (reference §3). */
export class Refusal extends Error {
  constructor(
    readonly code: Code,
    message: string,
  ) {
    super(message)
    this.name = 'Refusal'
  }
}

/** A refusal by the API gateway in front of the service: other key, a request id, no `is_success`. */
export class GatewayRefusal extends Error {
  constructor(
    readonly status: number,
    readonly code: `APIGW.${string}`,
    message: string,
  ) {
    super(message)
    this.name = 'GatewayRefusal'
  }
}

export const invalid = (message: string) => new Refusal('ModelArts.0101', message)
export const unknown = (what: string) => new Refusal('ModelArts.0102', `${what} does not exist`)

/** Answers what a handler threw; undefined where it is nobody's refusal, and should not have happened. */
export function sendRefusal(reply: FastifyReply, error: unknown): FastifyReply | undefined {
  if (error instanceof Refusal) return sendFailure(reply, CODES[error.code], error.code, error.message)
  if (error instanceof GatewayRefusal) return sendGatewayFailure(reply, error.status, error.code, error.message)
  const code = failureCode(error)
  if (code === 'unavailable' || code === 'disk_full') {
    return sendFailure(reply, 500, 'ModelArts.0010', (error as Error).message)
  }
  if (code === 'quota_exceeded') return sendGatewayFailure(reply, 429, 'APIGW.0308', (error as Error).message)
  return undefined
}

export function sendFailure(reply: FastifyReply, status: number, code: Code, message: string): FastifyReply {
  return reply.code(status).send({ is_success: false, error_message: message, error_code: code })
}

export function sendGatewayFailure(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  const request_id = randomUUID().replaceAll('-', '')
  return reply.code(status).send({ error_msg: message, error_code: code, request_id })
}
