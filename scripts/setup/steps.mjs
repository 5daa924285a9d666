// How setup talks: one line per step with its seconds, on stderr.

/** A problem the user can act on: its message says what is wrong and what to do, no stack needed. */
export class SetupProblem extends Error {}

/** Writes a line for people. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** Runs one step and says how it went: `run` gives the words for its line. */
export async function step(name, run) {
  const startedAt = Date.now()
  const words = await run()
  say(`${name.padEnd(13)} ${seconds(startedAt)}  ${words}`)
}

/** The closing line. */
export function finish(startedAt) {
  say(`${'setup done'.padEnd(13)} ${seconds(startedAt)}`)
}

/** Announces work that takes long and shows that it goes on, every 15 seconds until `work` has settled. */
export async function announce(words, work) {
  say(words)
  const startedAt = Date.now()
  const timer = setInterval(() => say(`  … still at it after ${Math.round((Date.now() - startedAt) / 1000)} s`), 15_000)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

function seconds(startedAt) {
  return `${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`
}
