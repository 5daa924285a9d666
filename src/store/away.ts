import { Failure } from '../schema/failure.js'

/** PostgreSQL: 08 (connection), 57P (ended by an operator, starting, shutting down), 53 (no connection left); Node: sockets. */
const AWAY = /^(08|57P|53300|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/
/** What `pg` says without a code. */
const AWAY_TEXT = /connection terminated|connection error|timeout exceeded when trying to connect/i

/**
 * A PostgreSQL that cannot be reached, as `unavailable`; any other error as it is. What was to be committed at that moment
 * may have been: whoever repeats must be able to.
 */
export function unavailableIfAway(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown }
  const isAway = AWAY.test(String(code)) || AWAY_TEXT.test(String(message))
  if (!isAway) return error
  return new Failure('unavailable', `The store cannot be reached: ${String(message || code)}`, {
    cause: error,
    next: 'Try again in a moment.',
  })
}
