import type { Command } from 'commander'
import { createProgram } from '../../src/cli/program.js'

/** What `anneal` would not understand of these arguments: an unknown command, flags, surplus words. Empty when all is well. */
export async function misunderstood(args: string[]): Promise<string[]> {
  let [command, rest]: [Command, string[]] = [await createProgram(), args]
  for (let verb = named(command, rest); verb; verb = named(command, rest)) [command, rest] = [verb, rest.slice(1)]
  if (!command.parent) return args.slice(0, 1)
  try {
    const { operands, unknown } = command.parseOptions(rest)
    return command.registeredArguments.length > 0 ? unknown : [...operands, ...unknown]
  } catch (error) {
    return [(error as Error).message]
  }
}

function named(command: Command, [name]: string[]): Command | undefined {
  return command.commands.find((known) => known.name() === name)
}
