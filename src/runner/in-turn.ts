const turns = new Map<string, Promise<unknown>>()

/** Runs `work` after all work of that name that was handed in before has ended, one way or the other. */
export function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const next = (turns.get(name) ?? Promise.resolve()).then(work, work)
  const settled = next
    .catch(() => {})
    .then(() => {
      if (turns.get(name) === settled) turns.delete(name)
    })
  turns.set(name, settled)
  return next
}
