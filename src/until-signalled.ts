export type EndSignal = 'SIGINT' | 'SIGTERM'

/** Resolves with the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilSignalled(): Promise<EndSignal> {
  return new Promise((resolve) => {
    let seen = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (seen) process.exit(130)
        seen = true
        resolve(signal)
      })
    }
  })
}
