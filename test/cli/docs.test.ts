import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { EXIT } from '../../src/cli/exit-code.js'
import { withServer } from '../../src/cli/options.js'
import { createProgram } from '../../src/cli/program.js'
import { withJobFlags } from '../../src/cli/spec/job-flags.js'
import { SWEEP_EXIT } from '../../src/cli/sweeps.js'
import { FAILURES } from '../../src/schema/failure.js'
import { REASON_FACTS } from '../../src/schema/outcome.js'

const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8')
const server = flagsOf(withServer(new Command()))
const job = flagsOf(withJobFlags(new Command()))

test('docs/cli.md has a section for every command, with its arguments, and for nothing else', async () => {
  const titles = (await commands()).map(({ title }) => title)
  const found = [...text.matchAll(/^### `(anneal .*)`$/gm)].map(([, title]) => title)
  expect(found.sort()).toEqual(titles.sort())
})

test('docs/cli.md has every flag of every command, as the help has it, and no other', async () => {
  for (const { title, command, isCaller, hasJobFlags } of await commands()) {
    const shared = [...(isCaller ? server : []), ...(hasJobFlags ? job : [])]
    const own = flagsOf(command).filter((flag) => !shared.includes(flag))
    const section = sectionOf(`### \`${title}\``)
    expect(rows(section), title).toEqual(own)
    expect(section.includes('(#server)'), `${title}: (#server)`).toBe(isCaller)
    expect(section.includes('(#job)'), `${title}: (#job)`).toBe(hasJobFlags)
  }
  expect(rows(sectionOf('### Flags that say which server'))).toEqual(server)
  expect(rows(sectionOf('### Flags that describe a job'))).toEqual(job)
})

test('docs/cli.md has the exit code of every reason', () => {
  const expected = Object.entries(REASON_FACTS).map(([reason, { exitCode, sentence }]) => {
    const code = reason === 'process_failed' ? "the process's own, else 1" : exitCode
    return `| ${code} | \`${reason}\` | ${sentence} |`
  })
  expect(rows(sectionOf('### Of a job that has ended'))).toEqual(expected)
})

test('docs/cli.md has the exit code of every end of a sweep', () => {
  const found = rows(sectionOf('### Of a sweep or an array')).map((row) => row.split(' | ').slice(0, 2).join(' | '))
  expect(found).toEqual(Object.entries(SWEEP_EXIT).map(([reason, code]) => `| ${code} | \`${reason}\``))
})

test('docs/cli.md has the exit code of every failure', () => {
  const expected = Object.entries(FAILURES).map(
    ([code, { exitCode, sentence }]) => `| ${exitCode} | \`${code}\` | ${sentence} |`,
  )
  expect(rows(sectionOf('### Of a call that failed'))).toEqual(expected)
})

test('docs/cli.md has the other exit codes, and none of them means anything else', () => {
  const others = rows(sectionOf('### Others')).map((row) => Number(row.split('|')[1]))
  expect(others).toEqual(Object.values(EXIT))
  const tables = [...Object.values(REASON_FACTS), ...Object.values(FAILURES)].map(({ exitCode }) => exitCode as number)
  expect(others.filter((code) => tables.includes(code))).toEqual([])
  const failures = new Set<number>(Object.values(FAILURES).map(({ exitCode }) => exitCode))
  expect(Object.values(REASON_FACTS).filter(({ exitCode }) => failures.has(exitCode))).toEqual([])
})

async function commands() {
  const program = await createProgram()
  const all = program.commands.flatMap((command) => [command, ...command.commands])
  // A noun alone, such as `pool`, does nothing.
  const callable = all.filter((command) => command.commands.length === 0 || command.options.length > 0)
  return callable.map((command) => {
    const parent = command.parent === program ? '' : `${command.parent?.name()} `
    const args = command.registeredArguments.map((arg) => {
      const name = `${arg.name()}${arg.variadic ? '...' : ''}`
      return arg.required ? ` <${name}>` : ` [${name}]`
    })
    const flags = flagsOf(command)
    const title = `anneal ${parent}${command.name()}${args.join('')}`
    return { title, command, isCaller: includesAll(flags, server), hasJobFlags: includesAll(flags, job) }
  })
}

function includesAll(all: string[], some: string[]): boolean {
  return some.every((one) => all.includes(one))
}

function flagsOf(command: Command): string[] {
  return command.options.map(({ flags, description }) => `| \`${flags}\` | ${description} |`)
}

/** From its title to the next one. */
function sectionOf(title: string): string {
  const at = text.indexOf(`${title}\n`)
  if (at < 0) throw new Error(`docs/cli.md has no ${title}`)
  const rest = text.slice(at + title.length)
  return rest.slice(0, rest.search(/\n##|$(?![\s\S])/))
}

/** The rows of its table, without the head. */
function rows(section: string): string[] {
  return [...section.matchAll(/^\|.*\|$/gm)].map(([row]) => row).slice(2)
}
