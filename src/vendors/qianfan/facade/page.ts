import type { Db, VendorRecordRow } from '../../../store/database.js'
import { type RecordKey, records } from '../../../store/vendor-records.js'
import { CODES, DEFAULT_PAGE, LARGEST_PAGE } from '../wire.js'
import { Refusal } from './refusal.js'

export interface Paging {
  marker?: unknown
  maxKeys?: number | undefined
  pageReverse?: boolean | undefined
}

export interface Page {
  rows: VendorRecordRow[]
  pageInfo: { marker: string; maxKeys: number; isTruncated: boolean; nextMarker?: string }
}

/** Which records of a kind: those of one parent, or those that a filter takes. */
interface Wanted {
  parent?: string
  isSo?: (row: VendorRecordRow) => boolean
}

/** Records read at once while a filter looks for those that it wants. */
const CHUNK = 500

/**
 * One page (reference/qianfan-finetune.md §3 "Paging", §12 #16–#17): newest first, or oldest first with `pageReverse`; the
 * marker is the id of the page's first record; a larger `maxKeys` than the largest is cut, not refused.
 */
export async function readPage(q: Db, key: RecordKey, paging: Paging, wanted: Wanted = {}): Promise<Page> {
  const maxKeys = Math.min(paging.maxKeys ?? DEFAULT_PAGE, LARGEST_PAGE)
  const found = await collect(q, key, paging, wanted, maxKeys + 1)
  const rows = found.slice(0, maxKeys)
  const next = found[maxKeys]?.vendor_id
  return {
    rows,
    pageInfo: {
      marker: rows[0]?.vendor_id ?? '',
      maxKeys,
      isTruncated: next !== undefined,
      ...(next === undefined ? {} : { nextMarker: next }),
    },
  }
}

async function collect(q: Db, key: RecordKey, paging: Paging, wanted: Wanted, enough: number) {
  const rows: VendorRecordRow[] = []
  const chunk = wanted.isSo ? CHUNK : enough
  const [direction, at, after] = paging.pageReverse ? (['asc', '>=', '>'] as const) : (['desc', '<=', '<'] as const)
  let from = await startOf(q, key, paging.marker, wanted.parent)
  for (let step: '>=' | '>' | '<=' | '<' = at; ; step = after) {
    let query = records(q, key).orderBy('id', direction).limit(chunk)
    if (wanted.parent !== undefined) query = query.where('parent', '=', wanted.parent)
    if (from !== undefined) query = query.where('id', step, from)
    const read = await query.execute()
    rows.push(...read.filter(wanted.isSo ?? (() => true)))
    if (rows.length >= enough || read.length < chunk) return rows
    from = read.at(-1)?.id
  }
}

async function startOf(
  q: Db,
  key: RecordKey,
  marker: unknown,
  parent: string | undefined,
): Promise<string | undefined> {
  if (marker === undefined || marker === null || marker === '') return undefined
  if (typeof marker !== 'string' || marker.includes('\0')) throw badMarker(marker)
  const row = await records(q, key).where('vendor_id', '=', marker).executeTakeFirst()
  if (!row || (parent !== undefined && row.parent !== parent)) throw badMarker(marker)
  return row.id
}

function badMarker(marker: unknown): Refusal {
  return new Refusal(
    400,
    CODES.badMarker,
    `The marker is not the id of a record of this list: ${JSON.stringify(marker)}`,
  )
}
