import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { FAILURES, failureCode } from '../../../schema/failure.js'
import { problemsOf } from '../../../schema/problems.js'

/** A request that is not carried out: the vendor's business code, which is the HTTP status too unless another is given. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly http: number = status,
  ) {
    super(message)
    this.name = 'Refusal'
  }
}

/** `<field>: <reason>` for the first thing that is wrong (reference §12). */
export function invalid(field: string, reason: string): Refusal {
  return new Refusal(400, `${field}: ${reason}`)
}

export function notFound(what: string, id: string): Refusal {
  return new Refusal(404, `There is no ${what} ${id}`)
}

/** The value as its schema makes it; refuses with the first problem. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const [problem] = problemsOf(result.error, schema, input)
  throw invalid(problem?.path ?? 'body', problem?.message ?? 'is not valid')
}

/** The older API has an envelope of its own (§10); of it only the list of data centres is served. */
const OLD_PATHS = '/api/aidc/'

export function answer(reply: FastifyReply, data: unknown): FastifyReply {
  const isOld = reply.request.url.startsWith(OLD_PATHS)
  return reply.code(200).send(isOld ? { code: 0, data } : { status: 200, message: 'OK', data })
}

export function refuse(reply: FastifyReply, { status, message, http }: Refusal): FastifyReply {
  const isOld = reply.request.url.startsWith(OLD_PATHS) && http !== 401
  return reply.code(http).send(isOld ? { code: status, msg: message, data: {} } : { status, message, data: {} })
}

/** What a thrown error is to the client; undefined for a fault of ours, which the gateway logs. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  const code = failureCode(error)
  if (!code || code === 'internal') return undefined
  const { status } = FAILURES[code]
  const shown = status === 422 ? 400 : status === 507 ? 503 : status
  return new Refusal(shown, (error as Error).message)
}
