import { Failure } from '../schema/failure.js'

/** How rows of one kind are looked for. */
export interface Lookup<Row> {
  /** What one is called, such as `job`. */
  what: string
  /** The command that shows those that there are. */
  list: string
  whole: (id: string) => Promise<Row | undefined>
  /** By its name, the newest where several have it; left out where they have none. */
  named?: () => Promise<Row | undefined>
  /** Those from this id to that one; more than two need not come. */
  between: (from: string, to: string) => Promise<Row[]>
}

const BEGINNING = /^[0-9a-z]{4,25}$/

/**
 * The row that a person means: by a whole id, a name, or a beginning of an id of four characters or more, in this order. Fails with
 * `not_found` (also for what is not theirs) or `ambiguous`.
 */
export async function byReference<Row extends { id: string }>(
  ref: string,
  { what, list, whole, named, between }: Lookup<Row>,
): Promise<Row> {
  const id = ref.toLowerCase()
  const found = (await whole(id)) ?? (await named?.())
  if (found) return found
  const [first, ...others] = BEGINNING.test(id) ? await between(id, id.padEnd(26, 'z')) : []
  if (first && others.length === 0) return first
  if (first)
    throw new Failure(
      'ambiguous',
      `${JSON.stringify(ref)} begins more than one ${what} id, such as ${[first, ...others].map((row) => row.id).join(', ')}`,
      { next: 'Write more characters of the id.' },
    )
  throw new Failure('not_found', `There is no ${what} with the id${named ? ' or name' : ''} ${JSON.stringify(ref)}`, {
    next: `See \`${list}\` for those that there are.`,
  })
}
