import type { Item } from './pipeline.js'

const PLACE = /\{\{\s*item(?:\.([A-Za-z_][A-Za-z0-9_]*))?\s*\}\}/g

/** Puts an item into every text of `value`, keys of maps excepted. What the item does not have is collected in `missing`. */
export function withItem(value: unknown, item: Item | undefined, missing: Set<string>): unknown {
  if (typeof value === 'string') return value.replace(PLACE, (whole, key?: string) => textOf(item, key, whole, missing))
  if (Array.isArray(value)) return value.map((one) => withItem(one, item, missing))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withItem(one, item, missing)]))
}

function textOf(item: Item | undefined, key: string | undefined, whole: string, missing: Set<string>): string {
  const isMap = typeof item === 'object'
  const value = key === undefined ? (isMap ? undefined : item) : isMap ? item[key] : undefined
  if (value === undefined) missing.add(whole)
  return String(value)
}

/** What tells the members of a fanned step apart: the items themselves where they are short words and all different, else numbers. */
export function itemKeys(items: readonly Item[]): string[] {
  const words = items.map(String)
  const areWords =
    items.every((item) => typeof item !== 'object') && words.every((word) => /^[A-Za-z0-9_-]{1,40}$/.test(word))
  return areWords && new Set(words).size === words.length ? words : items.map((_, i) => String(i))
}
