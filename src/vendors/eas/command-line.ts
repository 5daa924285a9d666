import { RemoteFault } from '../../providers/provider.js'
import type { JobSpec } from '../../schema/job.js'
import { shellQuote } from '../../schema/vendor-config.js'

/** What a queue cannot carry, and what to do instead. */
const NOT_CARRIED: { [key in keyof JobSpec]?: string } = {
  workdir: 'submit with --no-workdir, and let the command fetch what it needs or use the mounts of the service',
  secrets: 'give them to the service itself',
}

/**
 * A job as the one bash line that an entry holds: its variables, its setup, its command. Fails with `rejected` for what an
 * entry cannot carry.
 */
export function commandLine(spec: JobSpec): string {
  for (const [key, advice] of Object.entries(NOT_CARRIED)) {
    const value = spec[key as keyof JobSpec]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue
    throw new RemoteFault('rejected', `an EAS queue carries one shell line and no ${key}; ${advice}`)
  }
  const variables = Object.entries(spec.env).map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
  const setup = spec.setup === undefined ? '' : `(\n${spec.setup}\n) || exit\n`
  const { command } = spec
  const line = Array.isArray(command) ? command.map(shellQuote).join(' ') : (command as string)
  return `${variables.join('')}${setup}${line}`
}
