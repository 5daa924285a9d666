import type { Command } from 'commander'
import type { Client, Job } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { EXIT } from '../exit-code.js'
import { followJob, sayOutcome } from '../follow.js'
import { type ServerFlags, withServer } from '../options.js'
import { printJson, say } from '../output.js'
import { type JobFlags, withJobFlags } from '../spec/job-flags.js'
import { type Source, submit } from '../submit.js'
import { printSubmitted } from '../submitted.js'

interface Flags extends JobFlags, ServerFlags {
  file?: string
  detach?: boolean
}

/** `anneal run`: submits and follows. What the process writes is on stdout, unchanged; everything else on stderr. */
export function define(command: Command): void {
  command
    .argument(
      '[command...]',
      'the program and its arguments, best after --; one word with spaces is a line for the shell',
    )
    .passThroughOptions()
    .option('-f, --file <file>', 'a job file in place of the command, or with another command than its own')
    .option('-d, --detach', 'submit only, as `submit` does')
  withServer(withJobFlags(command)).action(async (words: string[], flags: Flags) => {
    const source: Source = { file: flags.file, command: words }
    if (source.file === undefined && words.length === 0) throw nothingToRun()
    const client = connect(flags)
    const job = await submit(client, source, flags)
    if (flags.detach) return printSubmitted(job, flags)
    await follow(client, job, flags)
  })
}

function nothingToRun(): Failure {
  return new Failure('invalid_request', 'There is nothing to run', {
    next: 'name a command, as in `anneal run -- python train.py`, or a file with -f',
  })
}

/** With `--json` the ended job is the one document on stdout, so the output goes to stderr. */
async function follow(client: Client, job: Job, flags: Flags): Promise<void> {
  process.once('SIGINT', () => leave(job))
  say(`submitted ${job.name} as ${job.id}`)
  const outcome = await followJob(client, job, flags.json ? process.stderr : process.stdout)
  if (flags.json) printJson(await client.showJob(job.id))
  process.exitCode = sayOutcome(job.id, outcome)
}

function leave({ id, name }: Job): never {
  say(`\n${name} goes on. Follow it with: anneal logs -f ${id}\nStop it with: anneal stop ${id}`)
  process.exit(EXIT.interrupted)
}
