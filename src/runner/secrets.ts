import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from './refusal.js'

/** What a secret's file may allow: reading and writing by its owner, nothing to anybody else. */
const MODES = [0o600, 0o400]

/**
 * The values of these secrets, for the environment of the process and nowhere else: from `ANNEAL_SECRET_<NAME>` in the
 * agent's environment, else from `<home>/secrets/<NAME>`. Throws a Refusal that names what is missing.
 */
export function readSecrets(names: string[], home: string, env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, env[`ANNEAL_SECRET_${name}`] ?? readSecretFile(name, home)]))
}

function readSecretFile(name: string, home: string): string {
  const path = join(home, 'secrets', name)
  const mode = statSync(path, { throwIfNoEntry: false })?.mode
  if (mode === undefined) {
    throw new Refusal(
      `the secret ${name} is not on this host: set ANNEAL_SECRET_${name} in the agent's environment, or write it to ${path} with mode 0600`,
    )
  }
  const permissions = mode & 0o777
  if (!MODES.includes(permissions)) {
    throw new Refusal(
      `the secret ${name} can be read by others (mode 0${permissions.toString(8)}): run chmod 600 ${path}, and change the secret if somebody else may have read it`,
    )
  }
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
}
