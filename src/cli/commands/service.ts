import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Service } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'

/** `anneal service`: job services and front ends for the clients of PAI-EAS. */
export function define(command: Command): void {
  withServer(
    command
      .command('create')
      .description('deploy the service that a JSON file of PAI-EAS describes')
      .requiredOption('-f, --file <file>', 'the JSON'),
  ).action(create)
  withServer(command.command('list').description('list services')).action(list)
  withServer(command.command('show <name>').description('show a service, its instances and its front end')).action(show)
  withServer(command.command('delete <name>').description('stop what a service runs, and take it away')).action(remove)
}

async function create(flags: ServerFlags & { file: string }): Promise<void> {
  const service = await connect(flags).createService(await readDescription(flags.file))
  if (flags.json) return printJson(service)
  print(linesOf(service).join('\n'))
  if (service.token) print(`token      ${service.token}`)
  if (service.token) say('the token is not shown again')
  if (service.notUsed.length > 0) say(`not used here: ${service.notUsed.join(', ')}`)
}

async function list(flags: ServerFlags): Promise<void> {
  const services = await connect(flags).listServices()
  if (flags.json) return printJson({ services })
  if (services.length === 0) return say('there are no services')
  const rows = services.map((service) => [
    service.name,
    service.type,
    service.instances ? `${service.instances.now} of ${service.instances.min}–${service.instances.max}` : '-',
    String(service.instances?.running ?? '-'),
    String(service.instances?.waiting ?? '-'),
    service.frontEnd?.address ?? service.frontEnd?.state ?? '-',
  ])
  print(table([['NAME', 'TYPE', 'INSTANCES', 'RUNNING', 'WAITING', 'FRONT END'], ...rows]))
}

async function show(name: string, flags: ServerFlags): Promise<void> {
  const service = await connect(flags).showService(name)
  if (flags.json) return printJson(service)
  print(linesOf(service).join('\n'))
}

async function remove(name: string, flags: ServerFlags): Promise<void> {
  await connect(flags).deleteService(name)
  if (flags.json) return printJson({ deleted: name })
  say(`deleted ${name}`)
}

function linesOf({ name, type, endpoint, instances, queues, frontEnd, mounts }: Service): string[] {
  const lines = [`name       ${name}`, `type       ${type}`]
  if (endpoint) lines.push(`endpoint   ${endpoint}`, `path       /api/predict/${name}`)
  if (instances) {
    const { now, min, max, running, waiting } = instances
    lines.push(`instances  ${now} (${min} to ${max}); ${running} tasks run, ${waiting} wait`)
  }
  if (queues) lines.push(`queues     ${queues.input} on input, ${queues.sink} on sink`)
  for (const { mountPath, folder, readOnly } of mounts) {
    lines.push(`mount      ${mountPath} is ${folder}${readOnly ? ', to be read only' : ''}`)
  }
  if (frontEnd) lines.push(`front end  ${frontEnd.state}, job ${frontEnd.jobId}`)
  if (frontEnd?.address) lines.push(`web page   ${frontEnd.address}`)
  return lines
}

async function readDescription(file: string): Promise<never> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as never
  } catch (error) {
    throw new Failure('invalid_spec', `${file} cannot be read as JSON: ${(error as Error).message}`, {
      cause: error,
      next: 'Mend the file; docs/vendors/eas-jobs.md says what it may hold.',
    })
  }
}
