import type { Command } from 'commander'
import type { Template } from '../../client/index.js'
import { Failure, failureCode } from '../../schema/failure.js'
import { connect } from '../connection.js'
import { type ServerFlags, several, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'
import { packed } from '../schedule-file.js'
import { type JobFile, readJobFile } from '../spec/job-file.js'
import { localTime } from '../text.js'

type Flags = ServerFlags & { lock?: string[] }

/** `anneal template create|update|list|show|remove`; a job is made of one with `anneal submit --template`. */
export function define(command: Command): void {
  for (const [verb, description] of [
    ['create', 'make a template of a job file, its version 1'],
    ['update', 'make its next version; those before stay as they are'],
  ] as const) {
    const make = command
      .command(verb)
      .description(description)
      .argument('<name>')
      .argument('<file>', 'YAML or JSON; - is stdin')
      .option(
        '--lock <field>',
        'such as resources.gpus, which nobody may override; for administrators, repeatable',
        several,
      )
    withServer(make).action(async (name: string, file: string, flags: Flags) => {
      const client = connect(flags)
      const read = await readJobFile(file)
      const made = await locating(read, async () => {
        const { job = {} } = await packed(client, file, { job: read.spec })
        const body = { job, ...(flags.lock ? { locked: flags.lock } : {}) }
        return verb === 'create' ? client.createTemplate({ name, ...body }) : client.updateTemplate(name, body)
      })
      if (flags.json) return printJson(made)
      print(`${made.name}@${made.version}`)
      say(`submit a job of it with: anneal submit --template ${made.name}`)
    })
  }
  withServer(command.command('list').description('list templates in their newest version')).action(
    async (flags: ServerFlags) => {
      const templates = await connect(flags).listTemplates()
      if (flags.json) printJson({ templates })
      else if (templates.length === 0) say('no templates; make one with: anneal template create NAME FILE')
      else print(list(templates))
    },
  )
  const show = command
    .command('show')
    .description('show a template, or one version of it')
    .argument('<ref>', 'NAME or NAME@VERSION')
  withServer(show).action(async (ref: string, flags: ServerFlags) => {
    const template = await connect(flags).showTemplate(ref)
    if (flags.json) return printJson(template)
    const { stringify } = await import('yaml')
    const locked = template.locked.length > 0 ? `# locked: ${template.locked.join(', ')}\n` : ''
    print(`# ${template.name}@${template.version} of ${template.latest}\n${locked}${stringify(template.job).trimEnd()}`)
  })
  const remove = command
    .command('remove')
    .description('take it away; jobs that were made of it stay')
    .argument('<name>')
  withServer(remove).action(async (name: string, flags: ServerFlags) => {
    const template = await connect(flags).removeTemplate(name)
    if (flags.json) printJson(template)
    else say(`template ${template.name} is removed`)
  })
}

/** `job.resources.gpu` stands at `resources.gpu` in the file, `locked[0]` was a flag. */
async function locating<T>(file: JobFile, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const { problems, message, next } = error as Failure
    if (failureCode(error) !== 'invalid_spec' || !problems) throw error
    const located = problems.map((problem) => {
      if (problem.path.startsWith('locked')) return { ...problem, path: '--lock' }
      const path = problem.path.replace(/^job(\.|$)/, '')
      return { ...problem, path: `${file.locate(path === '' ? '(document)' : path)} ${path}`.trimEnd() }
    })
    throw new Failure('invalid_spec', message, { problems: located, ...(next ? { next } : {}), cause: error })
  }
}

function list(templates: Template[]): string {
  const rows = templates.map((one) => [
    one.name,
    String(one.version),
    one.locked.join(',') || '-',
    localTime(one.createdAt),
  ])
  return table([['NAME', 'VERSION', 'LOCKED', 'SINCE'], ...rows])
}
