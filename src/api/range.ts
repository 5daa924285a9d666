import { Failure } from '../schema/failure.js'

/** One range of bytes, `to` exclusive; undefined for the whole. Fails with `range_not_satisfiable`. */
export function parseRange(header: string | undefined, end: number): { from: number; to: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const from = match[1] === '' ? Math.max(0, end - Number(match[2])) : Number(match[1])
  const to = match[1] === '' || match[2] === '' ? end : Math.min(end, Number(match[2]) + 1)
  if (from >= end || to <= from)
    throw new Failure('range_not_satisfiable', `The range ${header} is outside of the ${end} bytes that there are`, {
      next: 'Ask again without a range, or once more is written.',
    })
  return { from, to }
}
