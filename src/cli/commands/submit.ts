import type { Command } from 'commander'
import type { Plan } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { formatSize } from '../../schema/size.js'
import { connect } from '../connection.js'
import { pair, type ServerFlags, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { type JobFlags, withJobFlags } from '../spec/job-flags.js'
import { plan, submit } from '../submit.js'
import { printSubmitted } from '../submitted.js'
import { submitTemplate } from '../template-overrides.js'
import { localTime } from '../text.js'

type Flags = JobFlags & ServerFlags & { dryRun?: boolean; template?: string; set?: Record<string, string> }

/** `anneal submit FILE` or `anneal submit --template NAME`: a job from its description; flags overrule it. */
export function define(command: Command): void {
  command
    .argument('[file]', 'YAML or JSON; - is stdin')
    .option('--dry-run', 'submit nothing; say where it fits, its place in the queue, and what runs out first')
    .option('--template <ref>', 'NAME or NAME@VERSION, in place of a file; flags overrule it where it is not locked')
    .option(
      '--set <field=value>',
      'of the template, such as env.LR=0.2 or resources.gpus=2; null takes it away; repeatable',
      pair,
    )
  withServer(withJobFlags(command)).action(async (file: string | undefined, flags: Flags) => {
    checkSource(file, flags)
    if (flags.template !== undefined) {
      const job = await submitTemplate(connect(flags), flags.template, flags.set ?? {}, flags)
      return printSubmitted(job, flags)
    }
    if (flags.dryRun) {
      const found = await plan(connect(flags), { file }, flags)
      return flags.json ? printJson(found) : print(planText(found))
    }
    printSubmitted(await submit(connect(flags), { file }, flags), flags)
  })
}

function checkSource(file: string | undefined, { template, set, dryRun }: Flags): void {
  const wrong = (what: string, next: string) => new Failure('invalid_request', what, { next })
  if ((file === undefined) === (template === undefined))
    throw wrong('A job comes from a file, or of a template', 'name a file, or a template with --template NAME')
  if (set && template === undefined) throw wrong('--set belongs to --template', 'use the flags of a job, such as --env')
  if (dryRun && template !== undefined) throw wrong('--dry-run is for files', 'leave it out')
}

function planText({ fits, hosts, position, startsBy, largestHost, shortOf }: Plan): string {
  if (hosts.length > 0) return `would start at once on host${hosts.length > 1 ? 's' : ''} ${hosts.join(', ')}`
  const place = `would be number ${position} in the queue`
  const most = largestHost
    ? `the largest host has ${largestHost.devices} devices, ${largestHost.cpus} CPUs, ${formatSize(largestHost.memoryBytes)} memory`
    : 'no host of the pool is connected'
  if (!fits) return `${place}, and could not start: short of ${shortOf.join(', ')}; ${most}`
  return `${place}; short of ${shortOf.join(', ')}; ${startsBy ? `starts by ${localTime(startsBy)} at the latest` : 'when it starts is not known, since what runs has no run limit or others wait before it'}`
}
