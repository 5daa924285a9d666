import type { Command } from 'commander'
import type { Host } from '../../client/index.js'
import type { HostOptions } from '../../host-main.js'
import { formatSize } from '../../schema/size.js'
import { connect } from '../connection.js'
import { hostAddress, label, type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson } from '../output.js'
import { between } from '../text.js'

/** `anneal host` runs the agent of this machine; `anneal host list` shows all hosts. */
export function define(command: Command): void {
  command
    .enablePositionalOptions()
    .option('--home <folder>', 'default ANNEAL_HOME, or ~/.anneal')
    .option('--url <url>', 'the server, or several with commas between; default ANNEAL_URL')
    .option(
      '--token-file <file>',
      'holds the token, and may be given another while the host runs; default ANNEAL_TOKEN',
    )
    .option('--name <name>', 'default: the name of the machine')
    .option('--pool <pool>', 'default: default')
    .option('--address <address>', 'where other hosts reach this one; default: where the server sees it', hostAddress)
    .option('--label <name=value>', 'what you say of the machine, such as rack=a3 or nvlink; repeatable', label)
    .option('--devices <count>', 'that many CPU slots in place of the GPUs that are found', wholeNumber)
    .action(async (options: HostOptions) => {
      const { hostMain } = await import('../../host-main.js')
      await hostMain(options)
    })
  const list = command.command('list').description('list hosts with their containment and devices')
  withServer(list).action(listHosts)
  for (const [action, summary] of Object.entries(ACTIONS) as [keyof typeof ACTIONS, string][]) {
    const verb = command.command(action).description(summary).argument('<host>', 'id or name')
    withServer(verb).action(async (ref: string, flags: ServerFlags) => {
      const host = await connect(flags).admitHost(ref, action)
      if (flags.json) return printJson(host)
      print(describe(host))
    })
  }
}

const ACTIONS = {
  drain: 'place nothing new on a host; what runs there goes on',
  resume: 'place attempts on a host again',
  remove: 'forget a host that holds nothing, and refuse it until it is resumed',
} as const

async function listHosts(flags: ServerFlags): Promise<void> {
  const hosts = await connect(flags).listHosts()
  if (flags.json) return printJson({ hosts })
  if (hosts.length === 0) return print('no host has connected yet')
  print(hosts.map(describe).join('\n\n'))
}

function describe(host: Host): string {
  const promise = host.containment === 'best_effort' ? 'processes may escape a stop' : 'a stop ends the whole tree'
  const link = host.connected ? 'connected' : `silent for ${between(host.lastSeenAt, null)}`
  const admission = host.admission === 'open' ? '' : `  ${host.admission}`
  const head = `${host.name}  ${link}${admission}  pool ${host.pool}  id ${host.id}`
  const facts = [
    `containment ${host.containment}: ${promise}`,
    `reached by other hosts at ${host.address}`,
    limitsLine(host.enforces),
    `${host.cpus} CPUs, ${formatSize(host.memoryBytes)} memory, ${formatSize(host.diskFreeBytes)} disk free`,
  ]
  const labels = Object.entries(host.labels).map(([name, value]) => (value ? `${name}=${value}` : name))
  if (labels.length > 0) facts.push(`labels ${labels.join(', ')}`)
  return [head, ...facts.map((fact) => `  ${fact}`), ...host.devices.map((device) => `  ${deviceLine(device)}`)].join(
    '\n',
  )
}

function limitsLine({ cpus, memory }: Host['enforces']): string {
  const say = (what: string, isKept: boolean) => `${what} ${isKept ? 'enforced' : 'only counted'}`
  return `limits of a job: ${say('CPUs', cpus)}, ${say('memory', memory)}`
}

function deviceLine({ uuid, kind, model, state, note, heldBy, memoryBytes }: Host['devices'][number]): string {
  const use = heldBy ? `held by ${heldBy.jobId} attempt ${heldBy.attempt}` : state === 'ok' ? 'free' : ''
  const memory = memoryBytes ? ` ${formatSize(memoryBytes)}` : ''
  const trouble = state === 'ok' ? '' : `${state}${note ? `: ${note}` : ''}`
  return [kind, uuid, `${model}${memory}`, use, trouble].filter(Boolean).join('  ')
}
