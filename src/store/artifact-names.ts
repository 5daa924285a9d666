import { type ArtifactName, parseArtifactName } from '../schema/artifact-name.js'
import { Failure } from '../schema/failure.js'
import type { NamedArtifactView, NameSummary } from '../schema/view.js'
import { measure, type Place } from './artifact-files.js'
import { shareOutputs } from './artifact-holds.js'
import type { ArtifactTagRow, ArtifactVersionRow, Db } from './database.js'
import { lockNamed, type Tx } from './store.js'

/**
 * Names for what jobs have put out. A promotion makes the next version of the name and moves the tag to it, in one
 * transaction; versions and moves are only ever added, or a version marked as removed, so who promoted what and when can always be told. Of two
 * promotions at once both are kept as versions, and the later one has the tag.
 */

/** Versions, and moves of tags, that one answer tells. */
const HISTORY = 200
/** Names in one listing. */
const PAGE = 1000

/** Makes what stands at a place the next version of `as`. Fails with `not_found`, or `invalid_request` for a bad name. */
export async function promote(
  tx: Tx,
  project: string,
  { place, as, actor }: { place: Place; as: string; actor: string },
): Promise<ArtifactVersionRow> {
  const { name, tag } = nameForTag(as)
  await shareOutputs(tx, place.jobId)
  const { files, bytes } = await measure(tx.q, place)
  if (files === 0) {
    const what = place.path === '' ? 'no outputs' : `no outputs at ${JSON.stringify(place.path)}`
    throw new Failure('not_found', `Attempt ${place.attempt} of job ${place.jobId} has ${what}`, {
      next: `See anneal artifact list ${place.jobId}.`,
    })
  }
  await lockNamed(tx, `artifact:${project}/${name}`)
  const last = await versionsOf(tx.q, project, name).limit(1).executeTakeFirst()
  const version: ArtifactVersionRow = {
    ...{ project, name, version: (last?.version ?? 0) + 1, job_id: place.jobId, attempt: place.attempt },
    ...{ path: place.path, files, bytes, created_by: actor, created_at: tx.now, removed_at: null, removed_by: null },
  }
  await tx.q.insertInto('artifact_versions').values(version).execute()
  await point(tx, project, { name, tag, version: version.version }, actor)
  return version
}

/** Lets a tag mean another version that there is, such as the one before. Fails with `not_found`. */
export async function moveTag(
  tx: Tx,
  project: string,
  { as, version, actor }: { as: string; version: number; actor: string },
): Promise<ArtifactVersionRow> {
  const { name, tag } = nameForTag(as)
  await lockNamed(tx, `artifact:${project}/${name}`)
  const found = await resolveName(tx.q, project, { name, tag, version })
  if (!found) throw absent(`${name}@${version}`)
  await point(tx, project, { name, tag, version }, actor)
  return found
}

/** What a name means now; undefined where there is no such name, tag or version. */
export async function resolveName(
  db: Db,
  project: string,
  { name, tag, version }: ArtifactName,
): Promise<ArtifactVersionRow | undefined> {
  const number = version ?? (await tagOf(db, project, name, tag))?.version
  if (number === undefined) return undefined
  const versions = versionsOf(db, project, name).where('removed_at', 'is', null)
  return versions.where('version', '=', number).executeTakeFirst()
}

/**
 * Takes a tag away, and with the last tag its version; or one version, `support-bot@3`. What it stood for stays as outputs of its job.
 * Fails with `not_found`, or with `state_conflict` where a tag stands for the version.
 */
export async function removeName(tx: Tx, project: string, text: string, actor: string): Promise<void> {
  const wanted = parseName(text)
  const { name, tag } = wanted
  await lockNamed(tx, `artifact:${project}/${name}`)
  const found = await resolveName(tx.q, project, wanted)
  if (!found) throw absent(text)
  const tags = (await tagsIn(tx.q, project, name)).filter(({ version }) => version === found.version)
  const others = tags
    .filter((one) => wanted.version !== undefined || one.tag !== tag)
    .map((one) => `${name}:${one.tag}`)
  if (wanted.version !== undefined && others.length > 0)
    throw new Failure('state_conflict', `${text} is what ${others.join(' and ')} stands for`, {
      next: `Let the tag stand for another version, or remove it: anneal artifact rm --promoted ${others[0]}`,
    })
  if (wanted.version === undefined) await point(tx, project, { name, tag, version: GONE }, actor)
  if (others.length > 0) return
  await tx.q
    .updateTable('artifact_versions')
    .set({ removed_at: tx.now, removed_by: actor })
    .where('project', '=', project)
    .where('name', '=', name)
    .where('version', '=', found.version)
    .execute()
}

/** What a tag stands for that was taken away. */
const GONE = 0

/** Everything about a name: what it means now, its tags, its versions and every move of its tags. Fails with `not_found`. */
export async function showName(db: Db, project: string, text: string): Promise<NamedArtifactView> {
  const wanted = parseName(text)
  const versions = await versionsOf(db, project, wanted.name).limit(HISTORY).execute()
  const newest = movesOf(db, project, wanted.name).orderBy('moved_at', 'desc').orderBy('move', 'desc')
  const moves = await newest.limit(HISTORY).execute()
  const found = await resolveName(db, project, wanted)
  if (versions.length === 0) throw absent(text)
  const isBare = !text.includes(':') && !text.includes('@')
  if (!found && !isBare) throw absent(text)
  return {
    name: wanted.name,
    current: found ? viewVersion(found) : null,
    tags: await tagsOf(db, project, wanted.name),
    versions: versions.map(viewVersion),
    moves: moves.map((row) => ({
      tag: row.tag,
      version: row.version,
      by: row.moved_by,
      at: new Date(row.moved_at).toISOString(),
    })),
  }
}

/** The names of a project, in their order, each with its tags. */
export async function listNames(db: Db, project: string): Promise<NameSummary[]> {
  const rows = await db
    .selectFrom('artifact_versions')
    .select((eb) => ['name', eb.fn.max('version').as('versions'), eb.fn.max('created_at').as('at')])
    .where('project', '=', project)
    .groupBy('name')
    .orderBy('name')
    .limit(PAGE)
    .execute()
  const tags = await tagsIn(db, project)
  return rows.map(({ name, versions, at }) => ({
    name,
    versions: Number(versions),
    tags: tags.filter((tag) => tag.name === name).map(({ tag, version }) => ({ tag, version })),
    promotedAt: new Date(Number(at)).toISOString(),
  }))
}

export function viewVersion(row: ArtifactVersionRow): NamedArtifactView['versions'][number] {
  return {
    version: row.version,
    jobId: row.job_id,
    attempt: row.attempt,
    path: row.path,
    files: row.files,
    bytes: row.bytes,
    by: row.created_by,
    at: new Date(row.created_at).toISOString(),
    removedAt: row.removed_at === null ? null : new Date(row.removed_at).toISOString(),
  }
}

async function point(
  tx: Tx,
  project: string,
  { name, tag, version }: { name: string; tag: string; version: number },
  actor: string,
): Promise<void> {
  const last = await tagOf(tx.q, project, name, tag)
  if (last?.version === version) return
  const move = { project, name, tag, move: (last?.move ?? 0) + 1, version, moved_by: actor, moved_at: tx.now }
  await tx.q.insertInto('artifact_tags').values(move).execute()
}

async function tagsOf(db: Db, project: string, name: string): Promise<{ tag: string; version: number }[]> {
  return (await tagsIn(db, project, name)).map(({ tag, version }) => ({ tag, version }))
}

/** What each tag means now. */
async function tagsIn(db: Db, project: string, name?: string): Promise<ArtifactTagRow[]> {
  const rows = db
    .selectFrom('artifact_tags as t')
    .selectAll('t')
    .where('t.project', '=', project)
    .where('t.version', '!=', GONE)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('artifact_tags as later')
            .select('later.move')
            .whereRef('later.project', '=', 't.project')
            .whereRef('later.name', '=', 't.name')
            .whereRef('later.tag', '=', 't.tag')
            .whereRef('later.move', '>', 't.move'),
        ),
      ),
    )
    .orderBy('t.tag')
  return (name === undefined ? rows : rows.where('t.name', '=', name)).execute()
}

/** By the number of its moves: who waited for the lock may have an earlier time. */
function tagOf(db: Db, project: string, name: string, tag: string): Promise<ArtifactTagRow | undefined> {
  return movesOf(db, project, name).where('tag', '=', tag).orderBy('move', 'desc').limit(1).executeTakeFirst()
}

function movesOf(db: Db, project: string, name: string) {
  return db.selectFrom('artifact_tags').selectAll().where('project', '=', project).where('name', '=', name)
}

/** Newest first. */
function versionsOf(db: Db, project: string, name: string) {
  const rows = db.selectFrom('artifact_versions').selectAll().where('project', '=', project)
  return rows.where('name', '=', name).orderBy('version', 'desc')
}

function parseName(text: string): ArtifactName {
  const parsed = parseArtifactName(text)
  if (parsed) return parsed
  throw new Failure('invalid_request', `${JSON.stringify(text)} is no name of an artifact`, {
    next: 'Write one such as support-bot:prod, or support-bot@3 for one version.',
  })
}

/** A tag can be moved, a version cannot. */
function nameForTag(text: string): ArtifactName {
  const parsed = parseName(text)
  if (parsed.version === undefined) return parsed
  throw new Failure('invalid_request', `${text} is one version, which stays what it is`, {
    next: `Write a tag, such as ${parsed.name}:prod.`,
  })
}

function absent(text: string): Failure {
  return new Failure('not_found', `There is no artifact ${text}`, { next: 'See anneal artifact names.' })
}
