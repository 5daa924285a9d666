import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { type SurveyBounds, survey } from './checkpoint-survey.js'

/** Entries of the folder that are looked at, and of these so many of the newest from within. */
const ENTRIES = 2_000
const NEWEST = 5
const WITHIN: SurveyBounds = { listed: 0, entries: 400, depth: 4, time: 500 }

/**
 * Tells whether something moves in a checkpoint folder, for the stall limit. It looks in the background, within bounds:
 * a folder of 100,000 files costs no more than one of 2,000, and there only the newest are looked into.
 */
export class CheckpointActivity {
  #signature = ''
  #isLooking = false

  constructor(private readonly folder: string) {}

  /** As the last look found it, which began at the call before; changes whenever something in the folder does. */
  signature(): string {
    if (!this.#isLooking) void this.#look()
    return this.#signature
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    this.#signature = await signatureOf(this.folder).catch((error: Error) => error.message)
    this.#isLooking = false
  }
}

async function signatureOf(folder: string): Promise<string> {
  const found: { path: string; at: number; stamp: string }[] = []
  const own = await lstat(folder)
  for await (const { name } of await opendir(folder)) {
    if (found.length >= ENTRIES) break
    const stat = await lstat(join(folder, name)).catch(() => undefined)
    if (stat) found.push({ path: join(folder, name), at: stat.ctimeMs, stamp: `${stat.size}@${stat.ctimeMs}` })
  }
  found.sort((a, b) => b.at - a.at)
  const within: string[] = []
  for (const { path, stamp } of found.slice(0, NEWEST)) {
    const inside = await survey(path, { bounds: WITHIN })
    within.push(`${stamp}/${inside?.files}/${inside?.bytes}/${inside?.changedAt}`)
  }
  return [own.ctimeMs, found.length, ...within].join(' ')
}
