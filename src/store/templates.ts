import { Failure } from '../schema/failure.js'
import type { StoredTemplate, TemplateBody, TemplateView } from '../schema/template.js'
import { parseTemplateRef } from '../schema/template.js'
import type { Db, TemplateRow, TemplateVersionRow } from './database.js'
import { newId } from './ids.js'
import { forUpdate, type Tx } from './store.js'

/** Rows of up to a megabyte each, which are kept for ever. */
export const MOST_TEMPLATES = 1000
export const MOST_VERSIONS = 1000

interface Author {
  project: string
  actor: string
  /** Only an administrator makes, changes or removes what has locked fields, since a version without them would undo them. */
  isAdmin: boolean
}

/** Version 1 of a new template. Fails with `state_conflict` where the name is taken, `forbidden` for locks by others than admins. */
export async function createTemplate(
  tx: Tx,
  name: string,
  { job, locked = [] }: TemplateBody,
  author: Author,
): Promise<TemplateView> {
  mayLock(author, name, locked)
  const living = tx.q.selectFrom('templates').where('project', '=', author.project).where('removed_at', 'is', null)
  if (await living.select('id').where('name', '=', name).executeTakeFirst())
    throw new Failure('state_conflict', `There is a template ${name} already`, {
      next: `Make its next version: anneal template update ${name} FILE`,
    })
  const { count } = await living.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow()
  if (Number(count) >= MOST_TEMPLATES)
    throw new Failure('quota_exceeded', `Project ${author.project} has ${MOST_TEMPLATES} templates`, {
      next: 'Remove one with: anneal template remove NAME',
    })
  const template = { id: newId(), project: author.project, name, latest: 0, created_at: tx.now, removed_at: null }
  await tx.q.insertInto('templates').values(template).execute()
  return addVersion(tx, template, { job, locked }, author)
}

/** The next version; those before stay as they are. */
export async function updateTemplate(
  tx: Tx,
  name: string,
  { job, locked }: TemplateBody,
  author: Author,
): Promise<TemplateView> {
  const template = await lockTemplate(tx, author.project, name)
  const before = await versionOf(tx.q, template, template.latest)
  const kept = JSON.parse(before.locked) as string[]
  mayLock(author, name, kept)
  mayLock(author, name, locked ?? [])
  if (template.latest >= MOST_VERSIONS)
    throw new Failure('quota_exceeded', `Template ${name} has ${MOST_VERSIONS} versions, as many as it may have`, {
      next: 'Make a template of another name.',
    })
  return addVersion(tx, template, { job, locked: locked ?? kept }, author)
}

/** Jobs that were made from it are as they were; its name is free again. */
export async function removeTemplate(tx: Tx, name: string, author: Author): Promise<TemplateView> {
  const template = await lockTemplate(tx, author.project, name)
  const view = await viewTemplate(tx.q, author.project, name)
  mayLock(author, name, view.locked)
  await tx.q.updateTable('templates').set({ removed_at: tx.now }).where('id', '=', template.id).execute()
  return view
}

/** The newest version of each, by name. */
export async function listTemplates(q: Db, project: string): Promise<TemplateView[]> {
  const rows = await q
    .selectFrom('templates as t')
    .innerJoin('template_versions as v', (join) =>
      join.onRef('v.template_id', '=', 't.id').onRef('v.version', '=', 't.latest'),
    )
    .selectAll('v')
    .select(['t.id', 't.name', 't.project', 't.latest'])
    .where('t.project', '=', project)
    .where('t.removed_at', 'is', null)
    .orderBy('t.name')
    .execute()
  return rows.map((row) => viewOf(row, row))
}

/** By `NAME` or `NAME@VERSION`. Fails with `not_found`. */
export async function viewTemplate(q: Db, project: string, ref: string): Promise<TemplateView> {
  const { name, version } = parseTemplateRef(ref)
  const template = await living(q, project, name).executeTakeFirst()
  if (!template) throw missing(name)
  return viewOf(template, await versionOf(q, template, version ?? template.latest))
}

/** What a job is made of; the same row for ever. */
export async function storedTemplate(q: Db, project: string, ref: string): Promise<StoredTemplate> {
  const { name, version, job, locked } = await viewTemplate(q, project, ref)
  return { name, version, job, locked }
}

function mayLock({ isAdmin }: Author, name: string, locked: readonly string[]): void {
  if (isAdmin || locked.length === 0) return
  throw new Failure(
    'forbidden',
    `Template ${name} locks ${locked.join(', ')}, which only an administrator may do or undo`,
    {
      next: 'Ask an administrator, or make a template of another name without locked fields.',
    },
  )
}

async function addVersion(
  tx: Tx,
  template: TemplateRow,
  { job, locked }: { job: Record<string, unknown>; locked: readonly string[] },
  { actor }: Author,
): Promise<TemplateView> {
  const version = template.latest + 1
  const row = {
    template_id: template.id,
    version,
    job: JSON.stringify(job),
    locked: JSON.stringify(locked),
    created_by: actor,
    created_at: tx.now,
  }
  await tx.q.insertInto('template_versions').values(row).execute()
  await tx.q.updateTable('templates').set({ latest: version }).where('id', '=', template.id).execute()
  return viewOf({ ...template, latest: version }, row)
}

async function lockTemplate(tx: Tx, project: string, name: string): Promise<TemplateRow> {
  const template = await forUpdate(tx, living(tx.q, project, name)).executeTakeFirst()
  if (!template) throw missing(name)
  return template
}

function living(q: Db, project: string, name: string) {
  return q
    .selectFrom('templates')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .where('removed_at', 'is', null)
}

async function versionOf(q: Db, { id, name, latest }: TemplateRow, version: number): Promise<TemplateVersionRow> {
  const row = await q
    .selectFrom('template_versions')
    .selectAll()
    .where('template_id', '=', id)
    .where('version', '=', version)
    .executeTakeFirst()
  if (row) return row
  throw new Failure('not_found', `Template ${name} has no version ${version}; the newest is ${latest}`, {
    next: `See: anneal template show ${name}`,
  })
}

function missing(name: string): Failure {
  return new Failure('not_found', `There is no template ${JSON.stringify(name)}`, {
    next: 'See `anneal template list` for the templates that there are.',
  })
}

function viewOf(
  { id, name, project, latest }: Pick<TemplateRow, 'id' | 'name' | 'project' | 'latest'>,
  row: Omit<TemplateVersionRow, 'template_id'>,
): TemplateView {
  return {
    id,
    name,
    project,
    version: row.version,
    latest,
    job: JSON.parse(row.job) as Record<string, unknown>,
    locked: JSON.parse(row.locked) as string[],
    createdBy: row.created_by,
    createdAt: new Date(row.created_at).toISOString(),
  }
}
