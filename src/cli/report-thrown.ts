import { CommanderError } from 'commander'
import { FAILURES } from '../schema/failure.js'
import { say } from './output.js'
import { reportFailure } from './report-failure.js'

/** Ends a command that has thrown: commander has said already what is wrong with the arguments, and we say the rest. */
export function reportThrown(error: unknown, args: readonly string[]): number {
  if (!(error instanceof CommanderError)) return reportFailure(error)
  if (error.exitCode === 0) return 0
  const [name] = args
  const isKnown = name !== undefined && !name.startsWith('-') && error.code !== 'commander.unknownCommand'
  if (error.code !== 'commander.help') say(`next: see anneal ${isKnown ? `${name} ` : ''}--help`)
  return FAILURES.invalid_request.exitCode
}
