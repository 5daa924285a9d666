import { InvalidArgumentError } from 'commander'
import type { Client } from '../../client/index.js'
import { parseArtifactName } from '../../schema/artifact-name.js'
import { failureCode } from '../../schema/failure.js'

/** An input as a job file has it. */
export type Input = { job: string; path?: string } | { artifact: string }

/**
 * What `--input key=…` means: `support-bot@3` is an artifact, `digits` a job, and `a:b` the artifact of that name and tag
 * where there is one, else `b` in the outputs of the job `a`. A job file says which it is.
 */
export async function readInputs(
  client: Client,
  flags: Record<string, string> | undefined,
): Promise<Record<string, Input> | undefined> {
  if (!flags) return undefined
  const inputs = Object.entries(flags).map(async ([key, text]) => [key, await readInput(client, key, text)] as const)
  return Object.fromEntries(await Promise.all(inputs))
}

async function readInput(client: Client, key: string, text: string): Promise<Input> {
  const colon = text.indexOf(':')
  if (text === '') throw new InvalidArgumentError(`--input ${key}= names no job and no artifact.`)
  if (colon < 0) return text.includes('@') ? { artifact: text } : { job: text }
  if (parseArtifactName(text) && (await isArtifact(client, text))) return { artifact: text }
  return { job: text.slice(0, colon), path: text.slice(colon + 1) }
}

async function isArtifact(client: Client, name: string): Promise<boolean> {
  try {
    return (await client.showArtifactName(name)).current !== null
  } catch (error) {
    if (failureCode(error) === 'not_found') return false
    throw error
  }
}
