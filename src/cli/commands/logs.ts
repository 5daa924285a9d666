import { type Command, Option } from 'commander'
import type { Client, Job, LogStream } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { sayBreaks, sayOutcome, sayWarnings } from '../follow.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson, writeBytes } from '../output.js'

export interface LogFlags extends ServerFlags {
  follow?: boolean
  attempt?: number
  stream?: string
  rank?: number
}

type Flags = LogFlags & { stream: string }

/** `anneal logs REF`: the stored bytes and nothing else; with `-f` those that come, too. */
export function define(command: Command): void {
  withServer(withLogs(command.argument('<ref>', 'id, beginning of an id, or name (the newest of it)'))).action(showLogs)
}

/** The flags that say which part of a log. */
export function withLogs(command: Command): Command {
  return command
    .option('-f, --follow', 'go on until the job has ended; the exit code is then that of its outcome')
    .option('--attempt <number>', 'only that attempt; all of them, in their order, without it', wholeNumber)
    .addOption(
      new Option('--stream <stream>', 'setup, stacks (of a stall), or the rank of a process; default 0').conflicts(
        'rank',
      ),
    )
    .option('--rank <rank>', 'of an attempt on several hosts: what that process wrote; default 0', wholeNumber)
}

export async function showLogs(ref: string, given: LogFlags): Promise<void> {
  const flags = { ...given, stream: given.stream ?? String(given.rank ?? 0) }
  const client = connect(flags)
  const job = await client.showJob(ref)
  checkAttempt(job, flags)
  if (flags.follow) return follow(client, job, flags)
  if (flags.json) return printJson({ id: job.id, streams: await client.listLogs(job.id) })
  await writeStored(client, job, flags)
}

function checkAttempt(job: Job, { attempt, follow }: Flags): void {
  const isThere = attempt === undefined || job.attempts.some(({ number }) => number === attempt)
  if (isThere || (follow && job.state !== 'ended')) return
  throw new Failure('not_found', `Job ${job.id} has no attempt ${attempt}; it has ${job.attempts.length}`, {
    next: `see anneal show ${job.id}`,
  })
}

/** What the first process of a job has written, in all its attempts. */
export async function writeLogs(ref: string, flags: ServerFlags): Promise<void> {
  const client = connect(flags)
  if (flags.json) return printJson({ id: ref, streams: await client.listLogs(ref) })
  await writeStored(client, await client.showJob(ref), { ...flags, stream: '0' })
}

/** Of a job that has just ended, the last bytes may still be on their way from the host: these are waited for. */
async function writeStored(client: Client, { id, state, attempts }: Job, flags: Flags): Promise<void> {
  const streams = await client.listLogs(id)
  for (const { number, startedAt } of attempts) {
    if ((flags.attempt ?? number) !== number) continue
    const found = streams.find(({ attempt, stream }) => attempt === number && stream === flags.stream)
    const isOfProcess = /^\d+$/.test(flags.stream)
    const isComing = state === 'ended' && startedAt !== null && (found ? !found.final : isOfProcess)
    const bytes = isComing ? followed(client, id, number, flags.stream) : found?.end ? stored(client, id, found) : []
    for await (const chunk of bytes) await writeBytes(process.stdout, chunk)
  }
}

async function* stored(client: Client, id: string, { attempt, stream }: LogStream): AsyncGenerator<Uint8Array> {
  yield* (await client.readLog(id, attempt, stream)) ?? []
}

async function* followed(client: Client, id: string, attempt: number, stream: string): AsyncGenerator<Uint8Array> {
  for await (const item of client.followLogs(id, { attempt, stream })) if (item.type === 'bytes') yield item.bytes
}

async function follow(client: Client, job: Job, flags: Flags): Promise<void> {
  const stop = new AbortController()
  const warning = warn(client, job, stop.signal)
  try {
    await followOutput(client, job, flags)
  } finally {
    stop.abort()
    await warning
  }
}

/** Talk beside the log: that it fails is no fault of the log. */
async function warn(client: Client, job: Job, signal: AbortSignal): Promise<void> {
  const onEvent = sayWarnings(job)
  try {
    for await (const event of client.followEvents(job.id, { signal })) onEvent(event)
  } catch {}
}

async function followOutput(client: Client, { id }: Job, { attempt, stream, json }: Flags): Promise<void> {
  for await (const item of client.followLogs(id, { attempt, stream, ...sayBreaks() })) {
    if (json)
      print(JSON.stringify(item.type === 'end' ? item : { ...item, bytes: undefined, base64: base64(item.bytes) }))
    else if (item.type === 'bytes') await writeBytes(process.stdout, item.bytes)
    if (item.type === 'end') process.exitCode = sayOutcome(id, item.outcome)
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
