import { FAILURES, Failure, failureCode, type Problem } from '../schema/failure.js'
import { paint, plain, say } from './output.js'

/** Says what went wrong, each problem on its line, and what to do next; gives the exit code. */
export function reportFailure(error: unknown): number {
  const failure = toFailure(error)
  say(`${paint(process.stderr, 'red', 'error:')} ${plain(failure.message)}`)
  for (const problem of failure.problems ?? []) say(plain(lineOf(problem)))
  if (failure.code === 'internal' && error instanceof Error && error !== failure) say(error.stack ?? '')
  if (failure.next) say(`next: ${plain(failure.next)}`)
  return FAILURES[failure.code].exitCode
}

function lineOf({ path, message, value, expected }: Problem): string {
  const wantsText = /expected string/.test(message) && (typeof value === 'number' || typeof value === 'boolean')
  const hint = wantsText ? '; write it in quotes' : ''
  const found = value === undefined || typeof value === 'object' ? '' : ` (it is ${JSON.stringify(value)})`
  const known = expected && !message.includes('did you mean') ? `; expected ${expected}` : ''
  return `${path}: ${message}${message.startsWith('unknown key') ? '' : found}${known}${hint}`
}

function toFailure(error: unknown): Failure {
  if (failureCode(error)) return error as Failure
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return new Failure('disk_full', message, { next: 'free space on this machine', cause: error })
  return new Failure('internal', `An error that should not have happened: ${message}`, {
    next: 'report it, with the lines above',
    cause: error,
  })
}
