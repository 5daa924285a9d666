import type { FastifyRequest } from 'fastify'
import { Failure } from '../schema/failure.js'
import type { TokenRow } from '../store/database.js'
import type { Store } from '../store/store.js'
import { authenticate } from '../store/tokens.js'

export interface Caller {
  tokenId: string
  role: TokenRow['role']
  project: string
  /** As the timeline names it. */
  actor: string
  token: TokenRow
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
}

type Right = 'read' | 'write' | 'administer' | 'host'
const RIGHTS: Record<TokenRow['role'], readonly Right[]> = {
  admin: ['read', 'write', 'administer'],
  user: ['read', 'write'],
  viewer: ['read'],
  host: ['host'],
}

/** A hook that lets only callers with the right through; fails with `unauthorized` or `forbidden`. */
export function requires(store: Store, right: Right) {
  return async (request: FastifyRequest): Promise<void> => {
    const header = request.headers.authorization ?? ''
    const token = await authenticate(store, /^Bearer (.+)$/i.exec(header)?.[1])
    if (!RIGHTS[token.role].includes(right)) {
      throw new Failure('forbidden', `A token of role ${token.role} may not do this`, {
        next:
          right === 'host'
            ? 'A host needs a token of its own, of role host: anneal token create --role host.'
            : 'Use a token of another role.',
      })
    }
    request.caller = {
      tokenId: token.id,
      role: token.role,
      project: token.project,
      actor: `${token.role}:${token.id}`,
      token,
    }
  }
}
