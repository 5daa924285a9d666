import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { bodyOf, type FacadeDeps } from '../../../gateway/facade.js'
import type { GatewayConfig } from '../config.js'
import { invalid, parseInput } from './answer.js'
import type { Caller } from './caller.js'
import type { LogLines } from './log-lines.js'

/** One authenticated request, as the handlers see it. */
export interface Call {
  deps: FacadeDeps<GatewayConfig>
  lines: LogLines
  caller: Caller
  request: FastifyRequest
  reply: FastifyReply
}

/** Gives the `data` of the answer. */
export type Handler = (call: Call) => Promise<unknown>

/** The JSON object that was sent, keys that are null left out; refuses anything else. */
export function jsonBody({ request }: Call): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(bodyOf(request).toString('utf8'))
  } catch {
    throw invalid('body', 'is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('body', 'expected an object')
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
}

export function param({ request }: Call, name: 'id' | 'podName'): string {
  return (request.params as Record<string, string>)[name] as string
}

export function query<T>({ request }: Call, schema: z.ZodType<T>): T {
  return parseInput(schema, request.query)
}

/** Query of every list (reference §1, §4). */
export const Page = z.object({
  pageNo: z.coerce.number().int().min(1).max(1_000_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(100).default(10),
  name: z
    .string()
    .max(128)
    .refine((name) => !name.includes('\0'), 'must not contain a NUL character')
    .optional(),
  aidcId: z.coerce.number().int().min(1).optional(),
})
export type Page = z.infer<typeof Page>
