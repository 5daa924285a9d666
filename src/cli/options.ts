import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../schema/duration.js'

/** The flags of every command that calls a server: which one, and JSON in place of the text for people. */
export function withServer(command: Command): Command {
  return command
    .option('--json', 'write one JSON document to stdout')
    .option(
      '--url <url>',
      'the server, or several with commas between; default ANNEAL_URL, or the `anneal up` of the home',
    )
    .option('--token <token>', 'default ANNEAL_TOKEN, or the token of the home')
    .option('--home <folder>', 'default ANNEAL_HOME, or ~/.anneal')
}

/** What `withServer` gives to a command. */
export interface ServerFlags {
  json?: boolean
  url?: string
  token?: string
  home?: string
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(text)
}

/** A name or an address that other machines can use. */
export function hostAddress(text: string): string {
  if (!/^[A-Za-z0-9.:_-]{1,253}$/.test(text)) throw new InvalidArgumentError('Expected a host name or an IP address.')
  return text
}

/** Milliseconds. */
export function duration(text: string): number {
  const value = parseDuration(text)
  if (value === undefined) throw new InvalidArgumentError('Expected a duration such as 90s, 10m or 2h.')
  return value
}

/** Repeatable: `--env A=1 --env B=2`. The last of a name counts. */
export function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected NAME=VALUE.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** Repeatable: `--label rack=a3 --label nvlink`; without a value it stands for itself. */
export function label(text: string, before: Record<string, string> = {}): Record<string, string> {
  return pair(text.includes('=') ? text : `${text}=`, before)
}

/** Repeatable: `--secret A --secret B`. */
export function several(text: string, before: string[] = []): string[] {
  return [...before, text]
}
