// @ts-check
// A small process that starts wrappers for the agent, see Spawner. Plain JavaScript, so that it also runs beside sources that
// are not built. It takes no part in a training: it may die, and ends by itself when its agent is gone.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

process.on('message', (/** @type {import('./spawner.js').Order} */ order) => {
  const { id, file, args, cwd, env, log } = order
  const say = (/** @type {string | undefined} */ error) => process.connected && process.send?.({ id, error })
  try {
    const said = openSync(log, 'a')
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', said, said] })
    closeSync(said)
    child.once('error', (error) => say(error.message))
    child.once('exit', () => say(undefined))
  } catch (error) {
    say(/** @type {Error} */ (error).message)
  }
})
process.once('disconnect', () => process.exit())
// Ctrl-C in a terminal reaches the whole group; the agent decides when it ends. A handler is not inherited, deafness would be.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
