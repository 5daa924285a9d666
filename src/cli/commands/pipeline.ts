import { type Command, InvalidArgumentError } from 'commander'
import type { Pipeline, PipelineSummary } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { GROUP_STATES, type GroupState } from '../../schema/group.js'
import { connect } from '../connection.js'
import { EXIT } from '../exit-code.js'
import { pipelinePlanText } from '../group-plan.js'
import { duration, type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson, say } from '../output.js'
import { readPipelineFile, readPipelineToPlan } from '../pipeline/file.js'
import { pipelineExitCode, pipelinePage, pipelineTable } from '../pipeline/text.js'
import { waitForPipelines } from '../pipeline/wait.js'
import { approve, withAnswer } from './approve.js'
import { type LogFlags, showLogs, withLogs } from './logs.js'

const REF = 'id, beginning of an id, or name (the newest of it)'

/** `anneal pipeline submit|list|show|wait|stop|resume|approve|logs`: graphs of jobs. */
export function define(command: Command): void {
  submit(command.command('submit').description('submit a graph of jobs'))
  list(command.command('list').description('list pipelines, newest first'))
  show(command.command('show').description('show the steps of a pipeline'))
  wait(command.command('wait').description('wait until pipelines have ended'))
  stop(command.command('stop').description('stop the jobs of a pipeline, and begin no other'))
  resume(command.command('resume').description('let an ended pipeline go on with what has not completed'))
  withAnswer(command.command('approve').description('answer a gate of a pipeline')).action(approve)
  logs(command.command('logs').description('write the log of a step, byte for byte'))
}

function submit(command: Command): void {
  command
    .argument('<file>', 'YAML or JSON with `pipeline:` in it; - is stdin')
    .option('--no-cache', 'run every step, also those that an earlier pipeline has done')
    .option('--dry-run', 'submit nothing; say what the steps would run, and where they would start')
    .option('--idempotency-key <key>', 'the same key and file give the same pipeline, however often it is sent')
  type Flags = ServerFlags & { cache: boolean; dryRun?: boolean; idempotencyKey?: string }
  withServer(command).action(async (path: string, flags: Flags) => {
    const client = connect(flags)
    if (flags.dryRun) {
      const { spec, locating } = await readPipelineToPlan(path)
      const plan = await locating(() => client.planPipeline(spec))
      return flags.json ? printJson(plan) : print(pipelinePlanText(plan))
    }
    const { spec, locating } = await readPipelineFile(client, path, flags)
    const { pipeline, existed } = await locating(() => client.submitPipeline(spec, flags.idempotencyKey))
    if (existed) say(`this key has been used for the same pipeline before: it is ${pipeline.id}`)
    if (flags.json) printJson(pipeline)
    else print(pipeline.id)
    say(`submitted ${pipeline.name}; see how it goes with: anneal pipeline show ${pipeline.id}`)
  })
}

function list(command: Command): void {
  command
    .option('--state <state>', `one of ${GROUP_STATES.join(', ')}`, groupState)
    .option('--name <name>', 'only pipelines of that name')
    .option('--limit <count>', 'at most so many', wholeNumber, 50)
  type Flags = ServerFlags & { state?: GroupState; name?: string; limit: number }
  withServer(command).action(async (flags: Flags) => {
    const client = connect(flags)
    const { state, name, limit } = flags
    const found: PipelineSummary[] = []
    for (let cursor: string | null | undefined; cursor !== null && found.length < limit; ) {
      const filter = { ...(state ? { state } : {}), ...(name ? { name } : {}), ...(cursor ? { cursor } : {}) }
      const page = await client.listPipelines({ ...filter, limit: Math.min(500, limit - found.length) })
      found.push(...page.pipelines)
      cursor = page.next
    }
    if (flags.json) return printJson({ pipelines: found })
    if (found.length === 0) return say('no pipelines; submit one with: anneal pipeline submit pipeline.yaml')
    print(pipelineTable(found))
  })
}

function groupState(text: string): GroupState {
  const known = GROUP_STATES.find((state) => state === text)
  if (!known) throw new InvalidArgumentError(`Expected one of ${GROUP_STATES.join(', ')}.`)
  return known
}

function show(command: Command): void {
  withServer(command.argument('<pipeline>', REF)).action(async (ref: string, flags: ServerFlags) => {
    showPage(await connect(flags).showPipeline(ref), flags)
  })
}

function showPage(pipeline: Pipeline, { json }: ServerFlags): void {
  if (json) printJson(pipeline)
  else print(pipelinePage(pipeline))
}

function wait(command: Command): void {
  command
    .argument('<pipeline...>', REF)
    .option('--timeout <duration>', `give up after that, such as 10m, with exit code ${EXIT.timedOut}`, duration)
  withServer(command).action(async (refs: string[], flags: ServerFlags & { timeout?: number }) => {
    const ended = await waitForPipelines(connect(flags), refs, flags)
    if (!ended) return
    if (flags.json) printJson({ pipelines: ended })
    process.exitCode = ended.map(pipelineExitCode).find((code) => code !== 0) ?? 0
  })
}

function stop(command: Command): void {
  withServer(command.argument('<pipeline>', REF).option('--wait', 'return when it has ended')).action(
    async (ref: string, flags: ServerFlags & { wait?: boolean }) => {
      const client = connect(flags)
      const wanted = await client.stopPipeline(ref)
      const [pipeline = wanted] = flags.wait
        ? ((await waitForPipelines(client, [wanted.id], { json: true })) ?? [])
        : []
      showPage(pipeline, flags)
    },
  )
}

function resume(command: Command): void {
  command
    .argument('<pipeline>', REF)
    .option('--file <file>', 'the pipeline as it is to be from now on; completed steps are kept as they are')
    .option('--no-cache', 'run every step that is left, also those that an earlier pipeline has done')
  withServer(command).action(async (ref: string, flags: ServerFlags & { file?: string; cache: boolean }) => {
    const client = connect(flags)
    if (flags.file === undefined) {
      if (!flags.cache) throw new Failure('invalid_request', '--no-cache needs --file', { next: 'name the file' })
      return showPage(await client.resumePipeline(ref), flags)
    }
    const { spec, locating } = await readPipelineFile(client, flags.file, flags)
    showPage(await locating(() => client.resumePipeline(ref, spec)), flags)
  })
}

function logs(command: Command): void {
  command.argument('<pipeline>', REF).argument('<step>', 'its name; of a fan-out with the item, such as train.adam')
  withServer(withLogs(command)).action(async (ref: string, key: string, flags: LogFlags) => {
    const client = connect(flags)
    const pipeline = await client.showPipeline(ref)
    const step = pipeline.members.find((one) => one.key === key)
    const known = pipeline.members.slice(0, 20).map((one) => one.key)
    if (!step)
      throw new Failure('not_found', `Pipeline ${pipeline.id} has no step ${JSON.stringify(key)}`, {
        next: `its steps are ${known.join(', ')}${pipeline.members.length > known.length ? ', …' : ''}`,
      })
    if (!step.job)
      throw new Failure(
        'not_found',
        `Step ${key} has no job: it is ${step.state}${step.note ? `, ${step.note}` : ''}`,
        {
          next: `see anneal pipeline show ${pipeline.id}`,
        },
      )
    await showLogs(step.job.id, flags)
  })
}
