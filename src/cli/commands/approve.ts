import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { pipelinePage } from '../pipeline/text.js'

export interface AnswerFlags extends ServerFlags {
  deny?: boolean
  reason?: string
}

/** `anneal approve PIPELINE [STEP]`: the same as `anneal pipeline approve`. */
export function define(command: Command): void {
  withAnswer(command).action(approve)
}

export function withAnswer(command: Command): Command {
  command
    .argument('<pipeline>', 'id, beginning of an id, or name (the newest of it)')
    .argument('[step]', 'the gate; without it the one that waits')
    .option('--deny', 'say no: the step fails, and what needs it is skipped')
    .option('--reason <text>', 'kept with the answer')
  return withServer(command)
}

export async function approve(ref: string, step: string | undefined, flags: AnswerFlags): Promise<void> {
  const { deny, reason, json } = flags
  const answer = { ...(step ? { step } : {}), ...(deny ? { deny } : {}), ...(reason ? { reason } : {}) }
  const pipeline = await connect(flags).answerGate(ref, answer)
  if (json) printJson(pipeline)
  else print(pipelinePage(pipeline))
}
