import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Fire, Schedule, SchedulePlan } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { OVERLAPS } from '../../schema/overlap.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { plain, print, printJson, say, table } from '../output.js'
import { inputOf, packed, readSchedule, type TimingFlags } from '../schedule-file.js'
import { localTime } from '../text.js'

type Flags = ServerFlags & TimingFlags

/** `anneal schedule …`: what is submitted again and again, and what came of each of its times. */
export function define(command: Command): void {
  defineCreate(command)
  defineUpdate(command)
  withServer(command.command('list').description('list schedules, with their next time and their last fire')).action(
    async (flags: ServerFlags) => {
      const schedules = await connect(flags).listSchedules()
      if (flags.json) printJson({ schedules })
      else if (schedules.length === 0)
        say('no schedules; make one with: anneal schedule create NAME FILE --cron "0 2 * * *"')
      else print(list(schedules))
    },
  )
  const show = command
    .command('show')
    .description('show a schedule, its next times and its last fires')
    .argument('<ref>')
  show.option('--fires <count>', 'how many of the last fires', wholeNumber, 10)
  withServer(show).action(async (ref: string, flags: ServerFlags & { fires: number }) => {
    const schedule = await connect(flags).showSchedule(ref, { fires: flags.fires })
    if (flags.json) printJson(schedule)
    else print(page(schedule))
  })
  for (const [verb, description, said] of [
    ['pause', 'let it fire no more until it is resumed', 'is paused'],
    ['resume', 'let it go on with its next time', 'goes on'],
    ['remove', 'take it away; its jobs go on', 'is removed'],
  ] as const) {
    withServer(command.command(verb).description(description).argument('<ref>')).action(
      async (ref: string, flags: ServerFlags) => {
        const schedule = await connect(flags)[`${verb}Schedule`](ref)
        if (flags.json) printJson(schedule)
        else say(`schedule ${schedule.name} ${said}${schedule.next[0] ? `, next ${localTime(schedule.next[0])}` : ''}`)
      },
    )
  }
  defineTrigger(command)
  defineBackfill(command)
}

function defineCreate(command: Command): void {
  const create = command
    .command('create')
    .description('make a schedule of a job, pipeline or sweep file, which may have `schedule:` beside it')
    .argument('<name>')
    .argument('<file>', 'YAML or JSON; - is stdin')
  withTiming(create).option('--dry-run', 'make nothing; say the next five times and what each would submit')
  withServer(create).action(async (name: string, file: string, flags: Flags & { dryRun?: boolean }) => {
    const client = connect(flags)
    const source = await readSchedule(file, flags)
    const plan = await source.locating(() => client.planSchedule(inputOf(name, source)))
    if (flags.dryRun) return flags.json ? printJson(plan) : print(planText(plan))
    const body = await packed(client, file, source.body ?? {})
    const made = await source.locating(() => client.createSchedule(inputOf(name, { ...source, body })))
    if (flags.json) return printJson(made)
    print(made.id)
    say(`schedule ${made.name} fires next ${made.next[0] ? localTime(made.next[0]) : 'never'}`)
  })
}

function defineUpdate(command: Command): void {
  const update = command
    .command('update')
    .description('change when it fires, and what it submits where a file is named')
    .argument('<ref>')
    .argument('[file]', 'YAML or JSON; - is stdin')
  withServer(withTiming(update)).action(async (ref: string, file: string | undefined, flags: Flags) => {
    const client = connect(flags)
    const source = await readSchedule(file, flags)
    if (!source.body && Object.keys(source.schedule).length === 0)
      throw new Failure('invalid_request', 'Nothing to change', { next: 'name a file, or a flag such as --cron' })
    const body = source.body ? await packed(client, file, source.body) : {}
    const to = { schedule: source.schedule, ...body }
    const changed = await source.locating(() => client.updateSchedule(ref, to as never))
    if (flags.json) return printJson(changed)
    say(`schedule ${changed.name} fires next ${changed.next[0] ? localTime(changed.next[0]) : 'when it is resumed'}`)
  })
}

function defineTrigger(command: Command): void {
  const trigger = command.command('trigger').description('fire now, beside whatever runs').argument('<ref>')
  withServer(trigger).action(async (ref: string, flags: ServerFlags) => {
    const fire = await connect(flags).triggerSchedule(ref)
    if (fire.state === 'failed') throw new Failure('state_conflict', `Nothing was submitted: ${fire.reason}`)
    if (flags.json) return printJson(fire)
    const { jobId, group } = fire
    print(group?.id ?? jobId ?? '')
    say(
      `submitted; ${group ? `see it with: anneal ${group.kind} show ${group.id}` : `follow it with: anneal logs -f ${jobId}`}`,
    )
  })
}

function defineBackfill(command: Command): void {
  const backfill = command
    .command('backfill')
    .description('submit every time of a span that no job stands for yet')
    .argument('<ref>')
    .requiredOption('--from <time>', 'such as 2026-03-01 or 2026-03-01T02:00:00Z', moment)
    .requiredOption('--to <time>', 'the same; included', moment)
  withServer(backfill).action(async (ref: string, flags: ServerFlags & { from: string; to: string }) => {
    const done = await connect(flags).backfillSchedule(ref, { from: flags.from, to: flags.to })
    if (flags.json) return printJson(done)
    print(`${done.submitted} submitted, ${done.failed} failed, ${done.existed} existed already`)
  })
}

function withTiming(command: Command): Command {
  return command
    .option('--cron <expression>', 'minute hour day month weekday, such as "0 2 * * *"')
    .option('--every <duration>', 'such as 6h, counted from the epoch')
    .option('--offset <duration>', 'moves --every')
    .option('--timezone <zone>', 'of --cron and of dates in the job, such as Europe/Berlin; default UTC')
    .addOption(
      new Option('--overlap <policy>', 'while the run before has not ended; default skip').choices([...OVERLAPS]),
    )
    .option('--catch-up <duration>', 'times that were missed are made up for when no older; default 1d')
}

/** ISO 8601; a time without a zone is local. */
function moment(text: string): string {
  const at = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text)
  if (Number.isNaN(at.getTime())) throw new InvalidArgumentError('Expected a time such as 2026-03-01T02:00:00Z.')
  return at.toISOString()
}

function planText({ times }: SchedulePlan): string {
  return table([['AT', 'NAME'], ...times.map(({ at, name }) => [localTime(at), name])])
}

function whenText({ schedule: { cron, every, offset, timezone } }: Schedule): string {
  return cron === undefined ? `every ${every}${offset ? ` + ${offset}` : ''}` : `${cron} ${timezone}`
}

function list(schedules: Schedule[]): string {
  const rows = schedules.map((one) => [
    one.name,
    whenText(one),
    one.pausedAt ? 'paused' : one.next[0] ? localTime(one.next[0]) : 'never',
    one.fires[0] ? `${localTime(one.fires[0].at)} ${resultOf(one.fires[0])}` : '-',
  ])
  return table([['NAME', 'WHEN', 'NEXT', 'LAST'], ...rows])
}

function resultOf({ state, jobState, outcome, group }: Fire): string {
  return state === 'submitted' ? (outcome?.reason ?? group?.reason ?? group?.state ?? jobState ?? state) : state
}

function whatOf({ jobId, group }: Fire): string {
  return group ? `${group.kind} ${group.id}` : (jobId ?? '')
}

function page(one: Schedule): string {
  const { overlap, catchUp } = one.schedule
  const lines = [
    `${one.name}  ${one.id}`,
    `when        ${whenText(one)}`,
    `overlap     ${overlap}, catches up ${catchUp}`,
    ...(one.pausedAt ? [`paused      since ${localTime(one.pausedAt)}; anneal schedule resume ${one.name}`] : []),
    ...one.next.map((at, i) => `${i === 0 ? 'next        ' : '            '}${localTime(at)}`),
  ]
  if (one.fires.length === 0) return lines.join('\n')
  const rows = one.fires.map((fire) => [
    localTime(fire.at),
    fire.kind,
    resultOf(fire),
    plain(fire.reason ?? whatOf(fire)),
  ])
  return [...lines, '', table([['AT', 'BY', 'RESULT', 'RUN OR REASON'], ...rows])].join('\n')
}
