/** Files that are worked on at the same time. */
const COUNT = 4

/** Does it for every item, a few at a time; rejects with the first failure once all that had begun have ended. */
export async function abreast<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let hasFailed = false
  const take = async () => {
    while (next < items.length && !hasFailed) {
      const i = next
      next += 1
      try {
        results[i] = await work(items[i] as T)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: COUNT }, take))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
  return results
}
