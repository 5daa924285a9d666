import { createProgram } from '../../src/cli/program.js'

/** What `anneal` would not understand of these arguments: an unknown command, flags, surplus words. Empty when all is well. */
export async function misunderstood(args: string[]): Promise<string[]> {
  const [name = '', ...rest] = args
  const command = (await createProgram()).commands.find((known) => known.name() === name)
  if (!command) return [name]
  try {
    const { operands, unknown } = command.parseOptions(rest)
    return [...operands, ...unknown]
  } catch (error) {
    return [(error as Error).message]
  }
}
