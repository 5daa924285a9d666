import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { printSubmitted } from '../submitted.js'

interface Flags extends ServerFlags {
  idempotencyKey?: string
}

/** `anneal retry REF`: a new job like an ended one, which goes on from its checkpoints. */
export function define(command: Command): void {
  command
    .argument('<ref>', 'id, beginning of an id, or name (the newest of it)')
    .option('--idempotency-key <key>', 'the same key gives the same new job, however often it is sent')
  withServer(command).action(async (ref: string, flags: Flags) => {
    printSubmitted(await connect(flags).retryJob(ref, flags.idempotencyKey), flags)
  })
}
