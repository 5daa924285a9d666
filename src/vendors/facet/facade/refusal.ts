import type { FastifyReply } from 'fastify'
import { masked } from '../effective.js'
import type { Issue } from '../lax.js'
import type { Json } from '../python-json.js'
import { SECRET_FIELDS } from '../wire.js'

/** An answer other than 200, in FastAPI's shape: `detail` is a sentence or a list of issues (reference §7). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly detail: string | Issue[],
    /** What the operator can do; an addition of ours, beside `detail`. */
    readonly hint?: string,
  ) {
    super(typeof detail === 'string' ? detail : 'the request has errors')
  }
}

/** No value of a secret stands in it. */
export function sendRefusal(reply: FastifyReply, { status, detail, hint }: Refusal): FastifyReply {
  const shown = typeof detail === 'string' ? detail : detail.map(withoutSecrets)
  const body = JSON.stringify({ detail: shown, hint }, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  )
  return reply.code(status).type('application/json').send(body)
}

function withoutSecrets(issue: Issue): Issue {
  const field = issue.loc.findLast((part) => SECRET_FIELDS.has(String(part)))
  return { ...issue, input: masked(issue.input, String(field ?? '')) }
}

export function issue(type: string, loc: Issue['loc'], msg: string, input: Json, ctx?: Record<string, Json>): Issue {
  return { type, loc, msg, input, ...(ctx ? { ctx } : {}) }
}
