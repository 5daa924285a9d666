import type { Command } from 'commander'
import type { Plan } from '../../client/index.js'
import { formatSize } from '../../schema/size.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { type JobFlags, withJobFlags } from '../spec/job-flags.js'
import { plan, submit } from '../submit.js'
import { printSubmitted } from '../submitted.js'
import { localTime } from '../text.js'

type Flags = JobFlags & ServerFlags & { dryRun?: boolean }

/** `anneal submit FILE`: a job from its description; flags overrule it. */
export function define(command: Command): void {
  command
    .argument('<file>', 'YAML or JSON; - is stdin')
    .option('--dry-run', 'submit nothing; say where it fits, its place in the queue, and what runs out first')
  withServer(withJobFlags(command)).action(async (file: string, flags: Flags) => {
    if (flags.dryRun) {
      const found = await plan(connect(flags), { file }, flags)
      return flags.json ? printJson(found) : print(planText(found))
    }
    printSubmitted(await submit(connect(flags), { file }, flags), flags)
  })
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
