import type { Command } from 'commander'
import type { Artifacts, Client, NamedArtifact } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { formatSize } from '../../schema/size.js'
import { allEntries, type Source, sourceOf } from '../artifact/entries.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { plain, print, printJson, say, table } from '../output.js'
import { localTime } from '../text.js'
import { Progress } from '../workdir/progress.js'

interface AttemptFlags extends ServerFlags {
  attempt?: number
}

const REF = 'job, or a name such as support-bot:prod'
const ATTEMPT = 'of the job; default: the last one'

/** `anneal artifact …`: what jobs have put out, and the names that it is given. */
export function define(command: Command): void {
  defineFiles(command)
  defineNames(command)
}

function defineFiles(command: Command): void {
  const list = command
    .command('list')
    .description('list what a job has put out')
    .argument('<ref>', REF)
    .argument('[path]', 'only that file, or what is below that folder')
    .option('--attempt <number>', ATTEMPT, wholeNumber)
  withServer(list).action(async (ref: string, path: string | undefined, flags: AttemptFlags) => {
    const client = connect(flags)
    const found = await allEntries(client, await sourceOf(client, ref, path, flags.attempt))
    if (flags.json) return printJson(found)
    if (found.entries.length > 0) print(listing(found))
    sayState(found)
  })

  const get = command
    .command('download')
    .description('fetch a file, a folder or everything that a job has put out')
    .argument('<ref>', REF)
    .argument('[path]', 'a file or folder; default: everything')
    .option('-o, --output <folder>', 'where to', '.')
    .option('--attempt <number>', ATTEMPT, wholeNumber)
    .option('--force', 'overwrite files that are there with other content')
  withServer(get).action(
    async (ref: string, path: string | undefined, flags: AttemptFlags & { output: string; force?: boolean }) => {
      const client = connect(flags)
      await fetchAll(client, await sourceOf(client, ref, path, flags.attempt), flags)
    },
  )
}

function defineNames(command: Command): void {
  const promote = command
    .command('promote')
    .description('give a file or folder that a job has put out a name, as its next version')
    .argument('<ref>', 'job')
    .argument('[path]', 'a file or folder; default: everything')
    .requiredOption('--as <name>', 'name and tag, such as support-bot:prod; without a tag it is latest')
    .option('--attempt <number>', ATTEMPT, wholeNumber)
  withServer(promote).action(async (ref: string, path: string | undefined, flags: AttemptFlags & { as: string }) => {
    const body = { as: flags.as, ...(path ? { path } : {}), ...(flags.attempt ? { attempt: flags.attempt } : {}) }
    const named = await connect(flags).promoteArtifact(ref, body)
    if (flags.json) return printJson(named)
    print(`${named.name}@${named.current?.version}`)
    say(
      `${flags.as} is now ${filesText(named.current?.files ?? 0, named.current?.bytes ?? 0)} of job ${named.current?.jobId}`,
    )
  })

  withServer(command.command('names').description('list the names of artifacts')).action(async (flags: ServerFlags) => {
    const names = await connect(flags).listArtifactNames()
    if (flags.json) return printJson({ names })
    if (names.length === 0) return say('no names; give one with: anneal artifact promote JOB PATH --as NAME:TAG')
    const rows = names.map((n) => [n.name, String(n.versions), tagsText(n.tags), localTime(n.promotedAt)])
    print(table([['NAME', 'VERSIONS', 'TAGS', 'PROMOTED'], ...rows]))
  })

  const show = command
    .command('show')
    .description('show what a name stands for, its versions and tags')
    .argument('<name>', 'such as support-bot, support-bot:prod or support-bot@3')
  withServer(show).action(async (name: string, flags: ServerFlags) => {
    const named = await connect(flags).showArtifactName(name)
    flags.json ? printJson(named) : print(page(named))
  })

  const rm = command
    .command('rm')
    .description('remove what a job has put out, or a name of it, where nothing needs it')
    .argument('[job]', 'whose outputs are removed')
    .argument('[path]', 'a file or folder; default: everything')
    .option('--attempt <number>', ATTEMPT, wholeNumber)
    .option('--force', 'also what pipelines would take over from a step, which runs again then')
    .option('--promoted <name>', 'instead: a tag such as support-bot:prod, or a version such as support-bot@3')
  withServer(rm).action(remove)

  const tag = command
    .command('tag')
    .description('let a tag stand for another version, such as the one before')
    .argument('<name>', 'name and tag, such as support-bot:prod')
    .argument('<version>', 'number of a version that there is', wholeNumber)
  withServer(tag).action(async (name: string, version: number, flags: ServerFlags) => {
    const named = await connect(flags).moveArtifactTag(name, version)
    flags.json ? printJson(named) : print(page(named))
  })
}

type RemoveFlags = AttemptFlags & { force?: boolean; promoted?: string }

async function remove(ref: string | undefined, path: string | undefined, flags: RemoveFlags): Promise<void> {
  const { attempt, force, promoted } = flags
  if ((ref === undefined) === (promoted === undefined))
    throw new Failure('invalid_request', 'Expected either a job or --promoted NAME:TAG', {
      next: 'see anneal artifact rm --help',
    })
  const client = connect(flags)
  if (promoted !== undefined) {
    const named = await client.removeArtifactName(promoted)
    return flags.json ? printJson(named) : say(`${promoted} is removed; what it stood for stays with its job`)
  }
  const given = { ...(path ? { path: path.replace(/\/+$/, '') } : {}), ...(attempt ? { attempt } : {}) }
  const removed = await client.removeArtifacts(ref as string, { ...given, ...(force ? { force } : {}) })
  if (flags.json) return printJson(removed)
  say(`removed ${filesText(removed.files, removed.bytes)} of job ${removed.jobId}, attempt ${removed.attempt}`)
}

async function fetchAll(client: Client, source: Source, flags: ServerFlags & { output: string; force?: boolean }) {
  const found = await allEntries(client, source)
  const entries = found.entries.filter(({ sha256 }) => sha256 !== null)
  if (entries.length === 0) throw nothing(found, source)
  const bytes = entries.reduce((sum, { size }) => sum + size, 0)
  const progress = new Progress()
  let come = 0
  const onBytes = (count: number) => {
    come += count
    progress.tell(() => `${formatSize(come)} of ${formatSize(bytes)}`)
  }
  const { download } = await import('../artifact/download.js')
  const base = source.path.includes('/') ? source.path.slice(0, source.path.lastIndexOf('/')) : ''
  const where = { base, target: flags.output, force: flags.force ?? false, onBytes }
  const files = await download(client, { jobId: found.jobId, attempt: found.attempt, entries, ...where })
  progress.done()
  if (flags.json) printJson({ jobId: found.jobId, attempt: found.attempt, bytes, files })
  else print(files.map(plain).join('\n'))
  const lost = found.entries.length - entries.length
  say(
    `${filesText(entries.length, bytes)}${lost > 0 ? `; ${lost} were not kept, see anneal artifact list ${found.jobId}` : ''}`,
  )
}

function nothing({ jobId, state, attempt, problem }: Artifacts, { path }: Source): Failure {
  const what = path === '' ? 'outputs' : `outputs at ${JSON.stringify(path)}`
  if (state === 'uploading') {
    return new Failure('state_conflict', `The outputs of job ${jobId} are still on their way from its host`, {
      next: 'try again in a moment',
    })
  }
  const why = state === 'failed' ? `: ${problem}` : ''
  return new Failure('not_found', `Attempt ${attempt} of job ${jobId} has no ${what}${why}`, {
    next: `see anneal artifact list ${jobId}`,
  })
}

function listing({ entries }: Artifacts): string {
  const rows = entries.map(({ path, size, sha256, note }) => [
    sha256 === null ? '-' : formatSize(size),
    sha256?.slice(0, 12) ?? 'not kept',
    plain(path) + (note === null ? '' : `  (${plain(note)})`),
  ])
  return table([['SIZE', 'SHA-256', 'PATH'], ...rows])
}

function sayState({
  jobId,
  state,
  problem,
  attempt,
  attempts,
  files,
  bytes,
  leftOut,
  cut,
  expiresAt,
}: Artifacts): void {
  const others = attempts.filter((number) => number !== attempt)
  if (state === 'uploading') say('still on their way from the host')
  else if (state === 'failed') say(`not kept: ${problem}`)
  else if (state === null) say(`attempt ${attempt} has put nothing into $ANNEAL_OUTPUT_DIR, or has not ended`)
  else say(`${filesText(files, bytes)}${leftOut > 0 ? `; ${leftOut} left out` : ''}`)
  if (expiresAt !== null) say(`to be removed at ${localTime(expiresAt)}, but for what is needed then`)
  for (const text of cut) say(plain(text))
  if (others.length > 0)
    say(`also of attempt ${others.join(', ')}: anneal artifact list ${jobId} --attempt ${others.at(-1)}`)
}

function page({ name, current, tags, versions, moves }: NamedArtifact): string {
  const rows: [string, string][] = [
    ['name', name],
    ...(current ? [['stands for', versionText(current)] as [string, string]] : []),
    ['tags', tagsText(tags) || 'none'],
    ...versions.map((version, i): [string, string] => [i === 0 ? 'versions' : '', versionText(version)]),
    ...moves.map((move, i): [string, string] => [
      i === 0 ? 'moves' : '',
      `${localTime(move.at)}  ${move.tag} ${move.version === 0 ? 'taken away' : `to ${move.version}`} by ${move.by}`,
    ]),
  ]
  return rows.map(([label, text]) => `${label.padEnd(10)}  ${text}`).join('\n')
}

function versionText({
  version,
  jobId,
  attempt,
  path,
  files,
  bytes,
  by,
  at,
  removedAt,
}: NamedArtifact['versions'][number]): string {
  const gone = removedAt === null ? '' : `, removed ${localTime(removedAt)}`
  const from = `job ${jobId}, attempt ${attempt}${path === '' ? '' : `, ${plain(path)}`}`
  return `${version}  ${filesText(files, bytes)}  ${from}  ${localTime(at)} by ${by}${gone}`
}

function tagsText(tags: readonly { tag: string; version: number }[]): string {
  return tags.map(({ tag, version }) => `${tag}=${version}`).join(' ')
}

function filesText(files: number, bytes: number): string {
  return `${files} ${files === 1 ? 'file' : 'files'}, ${formatSize(bytes)}`
}
