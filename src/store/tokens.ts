import { Failure } from '../schema/failure.js'
import type { TokenView } from '../schema/view.js'
import type { Db, TokenRow } from './database.js'
import { newId, newSecret, sha256 } from './ids.js'
import type { Store, Tx } from './store.js'

/** Makes a token and gives its secret, which is stored only as a hash and cannot be shown again. */
export async function createToken(
  tx: Tx,
  token: { role: TokenRow['role']; project: string; expiresAt?: number; secret?: string },
): Promise<{ id: string; secret: string }> {
  const secret = token.secret ?? newSecret()
  const id = newId()
  await tx.q
    .insertInto('tokens')
    .values({
      id,
      hash: sha256(secret),
      role: token.role,
      project: token.project,
      host_id: null,
      expires_at: token.expiresAt ?? null,
      created_at: tx.now,
    })
    .onConflict((c) => c.column('hash').doNothing())
    .execute()
  return { id, secret }
}

/** Who speaks: fails with `unauthorized` for a token that is missing, unknown or expired. */
export async function authenticate(store: Store, secret: string | undefined): Promise<TokenRow> {
  const next = 'Set ANNEAL_TOKEN, or run on the machine of `anneal up`, where the token is found by itself.'
  if (!secret) throw new Failure('unauthorized', 'The request carries no token', { next })
  const row = await store.read.selectFrom('tokens').selectAll().where('hash', '=', sha256(secret)).executeTakeFirst()
  if (!row) throw new Failure('unauthorized', 'The token is not known here', { next })
  checkExpiry(row, next)
  return row
}

/** Whether a token that has let somebody in is still good; fails with `unauthorized` once it is revoked or expired. */
export async function checkToken(store: Store, id: string): Promise<void> {
  const next = 'Make another: anneal token create --role host.'
  const row = await store.read.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new Failure('unauthorized', 'The token of this host has been revoked', { next })
  checkExpiry(row, next)
}

function checkExpiry(row: TokenRow, next: string): void {
  if (row.expires_at === null || row.expires_at >= Date.now()) return
  throw new Failure('unauthorized', `The token expired at ${new Date(row.expires_at).toISOString()}`, { next })
}

/** Binds a host's token to the first host that uses it; another host with the same token is refused with `forbidden`. */
export async function bindHostToken(tx: Tx, token: TokenRow, hostId: string): Promise<void> {
  if (token.host_id === hostId) return
  await tx.q
    .updateTable('tokens')
    .set({ host_id: hostId })
    .where('id', '=', token.id)
    .where('host_id', 'is', null)
    .execute()
  const row = await tx.q.selectFrom('tokens').select('host_id').where('id', '=', token.id).executeTakeFirstOrThrow()
  if (row.host_id !== hostId) {
    throw new Failure('forbidden', `This token belongs to host ${row.host_id}, not to ${hostId}`, {
      next: 'Each host needs a token of its own: anneal token create --role host.',
    })
  }
}

/** Makes sure that the project exists. */
export async function ensureProject(tx: Tx, id: string): Promise<void> {
  await tx.q
    .insertInto('projects')
    .values({ id, created_at: tx.now })
    .onConflict((c) => c.doNothing())
    .execute()
}

/** All tokens, oldest first; never their secrets, which nobody has. */
export async function listTokens(q: Db): Promise<TokenView[]> {
  return (await q.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute()).map(viewOf)
}

/** Makes a token worthless from the next request on; a host that is connected by it is cut off within a beat. Fails with `not_found`. */
export async function revokeToken(tx: Tx, id: string): Promise<TokenView> {
  const row = await tx.q.deleteFrom('tokens').where('id', '=', id).returningAll().executeTakeFirst()
  if (!row) throw new Failure('not_found', `There is no token ${id}`, { next: 'See `anneal token list`.' })
  return viewOf(row)
}

function viewOf(row: TokenRow): TokenView {
  return {
    id: row.id,
    role: row.role,
    project: row.project,
    hostId: row.host_id,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
  }
}
