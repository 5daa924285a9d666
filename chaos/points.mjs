import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../src', import.meta.url))
/** What stands in for the variable part of a crash point's name, such as `server.facts-${type}`. */
const FACTS = ['setup', 'setup_done', 'started', 'exited', 'empty']

/** Every crash point that a local job may meet, as the code names them. */
export function crashPoints() {
  const names = new Set()
  for (const file of readdirSync(SRC, { recursive: true })) {
    if (!file.endsWith('.ts')) continue
    const code = readFileSync(join(SRC, file), 'utf8')
    for (const [, name] of code.matchAll(/crashPoint\('([^']+)'\)/g)) names.add(name)
    for (const [, name] of code.matchAll(/crashPoint\(`([^`$]+)\$\{[^`]*`\)/g))
      for (const fact of FACTS) names.add(name + fact)
  }
  return [...names].filter((name) => !/^(remote|move)\.|^activity\.group-/.test(name)).sort()
}
