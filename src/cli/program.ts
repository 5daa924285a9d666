import { Command } from 'commander'
import { VERSION } from '../version.js'

interface CommandFile {
  define(command: Command): void
}

interface Entry {
  summary: string
  alias?: string
  load(): Promise<CommandFile>
}

/** Every command, in the order of the help. A command's file is loaded only when it is called, so that each starts fast. */
const COMMANDS: Record<string, Entry> = {
  up: { summary: 'run everything on this machine', load: () => import('./commands/up.js') },
  run: { summary: 'submit a job and follow it to its end', load: () => import('./commands/run.js') },
  submit: { summary: 'submit a job', load: () => import('./commands/submit.js') },
  list: { summary: 'list jobs, newest first', alias: 'ls', load: () => import('./commands/list.js') },
  show: { summary: 'show everything about a job', load: () => import('./commands/show.js') },
  logs: { summary: "write a job's log, byte for byte", load: () => import('./commands/logs.js') },
  metrics: { summary: 'draw the curves of a job, or write its points', load: () => import('./commands/metrics.js') },
  wait: { summary: 'wait until jobs have ended', load: () => import('./commands/wait.js') },
  stop: { summary: 'stop a job', load: () => import('./commands/stop.js') },
  retry: { summary: 'submit an ended job again, with its checkpoints', load: () => import('./commands/retry.js') },
  pause: { summary: 'let a job give its devices back until it is resumed', load: () => import('./commands/pause.js') },
  resume: { summary: 'let a paused job go on', load: () => import('./commands/resume.js') },
  priority: { summary: 'change the place of a job in the queue', load: () => import('./commands/priority.js') },
  extend: { summary: 'give a job more time', load: () => import('./commands/extend.js') },
  events: { summary: 'show the timeline of a job', load: () => import('./commands/events.js') },
  pipeline: { summary: 'run graphs of jobs', load: () => import('./commands/pipeline.js') },
  approve: { summary: 'answer a gate of a pipeline', load: () => import('./commands/approve.js') },
  artifact: { summary: 'list, fetch and name what jobs have put out', load: () => import('./commands/artifact.js') },
  queue: { summary: 'show who waits for devices', load: () => import('./commands/queue.js') },
  sweep: { summary: 'try parameters, and find the best', load: () => import('./commands/sweep.js') },
  array: { summary: 'run a command once for each index or item', load: () => import('./commands/array.js') },
  host: {
    summary: 'run the agent of this machine; list, drain, resume and remove hosts',
    load: () => import('./commands/host.js'),
  },
  pool: { summary: 'list pools, and change what they do', load: () => import('./commands/pool.js') },
  quota: { summary: 'limit what projects and users may have at once', load: () => import('./commands/quota.js') },
  price: { summary: 'set what a device-hour costs', load: () => import('./commands/price.js') },
  cost: { summary: 'show what has been spent', load: () => import('./commands/cost.js') },
  token: { summary: 'make, list and revoke tokens', load: () => import('./commands/token.js') },
  schedule: {
    summary: 'submit a job again and again: create, list, show, pause, trigger, backfill',
    load: () => import('./commands/schedule.js'),
  },
  template: {
    summary: 'keep jobs under a name, in versions, to submit with some fields changed',
    load: () => import('./commands/template.js'),
  },
  webhook: {
    summary: 'tell a URL when jobs have ended, or are near a limit',
    load: () => import('./commands/webhook.js'),
  },
  service: { summary: 'deploy services for the clients of PAI-EAS', load: () => import('./commands/service.js') },
  server: { summary: 'run the API alone', load: () => import('./commands/server.js') },
  worker: { summary: 'run the workflows alone', load: () => import('./commands/worker.js') },
}

/** Commands that serve until they are stopped; who reads their stdout may go. */
const HOST_VERBS = ['list', 'drain', 'resume', 'remove']
const SERVICES = ['up', 'server', 'worker', 'host']

/** Whether the arguments start a service. */
export function isService([name, verb]: readonly string[]): boolean {
  return SERVICES.includes(name ?? '') && !(name === 'host' && HOST_VERBS.includes(verb ?? ''))
}

/** The program with the named commands loaded: those that the arguments may mean. Without `args`: all of them. */
export async function createProgram(args?: readonly string[]): Promise<Command> {
  const program = new Command('anneal')
    .description('Runs training jobs durably.')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', '\nBegin with `anneal up`, then `anneal run -- python train.py`.')
  for (const [name, { summary, alias, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(summary)
    if (alias) command.alias(alias)
    if (!args || args.includes(name) || (alias && args.includes(alias))) (await load()).define(command)
  }
  return program
}
