import { Failure } from '../schema/failure.js'
import { VENDORS } from '../schema/vendors.js'
import type { PriceView } from '../schema/view.js'
import type { Db, PriceRow } from './database.js'
import { lockNamed, type Tx } from './store.js'

export type Priced = Pick<PriceRow, 'kind' | 'name'>

/** Millionths of a currency, in which amounts are kept, so that no sum is off by a rounding. */
export const MICROS = 1_000_000

/**
 * Sets what a device-hour costs from now on. What was granted before keeps the price that it was granted at. Fails with
 * `not_found` for a pool or provider that there is not.
 */
export async function setPrice(tx: Tx, of: Priced, price: { amount: number; currency: string }): Promise<void> {
  await checkIsThere(tx.q, of)
  await lockNamed(tx, `price:${of.kind}:${of.name}`)
  await closePrice(tx, of)
  const { micros, currency } = { micros: Math.round(price.amount * MICROS), currency: price.currency }
  await tx.q
    .insertInto('prices')
    .values({ ...of, micros, currency, since: tx.now })
    .onConflict((c) => c.columns(['kind', 'name', 'since']).doUpdateSet({ micros, currency, until: null }))
    .execute()
}

/** From now on there is no price. Fails with `not_found` where there is none already. */
export async function unsetPrice(tx: Tx, of: Priced): Promise<void> {
  if (await closePrice(tx, of)) return
  throw new Failure('not_found', `There is no price of ${of.kind} ${of.name}`, { next: 'See `anneal price list`.' })
}

/** The prices that hold now. */
export async function listPrices(q: Db): Promise<PriceView[]> {
  const rows = await q
    .selectFrom('prices')
    .selectAll()
    .where('until', 'is', null)
    .orderBy('kind')
    .orderBy('name')
    .execute()
  return rows.map(({ kind, name, micros, currency, since }) => ({
    kind,
    name,
    amount: micros / MICROS,
    currency,
    since: new Date(since).toISOString(),
  }))
}

async function closePrice(tx: Tx, { kind, name }: Priced): Promise<boolean> {
  const closed = await tx.q
    .updateTable('prices')
    .set({ until: tx.now })
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where('until', 'is', null)
    .returning('since')
    .execute()
  return closed.length > 0
}

async function checkIsThere(q: Db, { kind, name }: Priced): Promise<void> {
  if (kind === 'provider') {
    if ((VENDORS as readonly string[]).includes(name)) return
    throw new Failure('not_found', `There is no provider ${JSON.stringify(name)}`, {
      next: `The providers are ${VENDORS.join(', ')}; for hosts of your own say pool:NAME.`,
    })
  }
  if (await q.selectFrom('pools').select('name').where('name', '=', name).executeTakeFirst()) return
  throw new Failure('not_found', `There is no pool ${JSON.stringify(name)}`, {
    next: 'A pool comes to be with its first host; see `anneal pool list`.',
  })
}
