/**
 * A named place at which a test may kill this process, right after a durable effect. Calls stand behind the label
 * `CRASH:`, which the production build drops, so that nothing of it is left there (scripts/build.mjs).
 *
 * `ANNEAL_CRASH_AT=name` dies at the first passage, `name:3` at the third.
 */
const [wanted, nth] = (process.env.ANNEAL_CRASH_AT ?? '').split(':')
let passages = 0

export function crashPoint(name: string): void {
  if (name !== wanted) return
  passages += 1
  if (passages === Number(nth ?? 1)) process.kill(process.pid, 'SIGKILL')
}
