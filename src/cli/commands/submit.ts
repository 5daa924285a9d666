import type { Command } from 'commander'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { type JobFlags, withJobFlags } from '../spec/job-flags.js'
import { submit } from '../submit.js'
import { printSubmitted } from '../submitted.js'

/** `anneal submit FILE`: a job from its description; flags overrule it. */
export function define(command: Command): void {
  command.argument('<file>', 'YAML or JSON; - is stdin')
  withServer(withJobFlags(command)).action(async (file: string, flags: JobFlags & ServerFlags) => {
    printSubmitted(await submit(connect(flags), { file }, flags), flags)
  })
}
