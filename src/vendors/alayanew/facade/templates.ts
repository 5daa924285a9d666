import { randomBytes } from 'node:crypto'
import type { VendorRecordRow } from '../../../store/database.js'
import { deleteRecord, insertRecord, updateRecord } from '../../../store/vendor-records.js'
import { JobConfig, wireTime } from '../wire.js'
import { invalid, parseInput } from './answer.js'
import { type Handler, jsonBody, Page, param, query } from './call.js'
import { keyOf, lockOwnRecord, ownRecord, pageOf, type TemplateBody } from './records.js'

/** The answer carries no id, as the vendor's does not; ours stands in a header, and in the list (reference §12). */
export const createTemplate: Handler = async (call) => {
  const config = parseConfig(jsonBody(call))
  const vendorId = `tpl_${randomBytes(10).toString('hex')}`
  const { caller } = call
  await call.deps.store.transact((tx) =>
    insertRecord(tx, keyOf(caller, 'template'), {
      vendorId,
      parent: caller.account,
      name: config.name,
      body: { aidcId: config.aidcId, config } satisfies TemplateBody,
    }),
  )
  call.reply.header('X-Template-Id', vendorId)
  return {}
}

export const listTemplates: Handler = async (call) => {
  const page = query(call, Page)
  const { rows, totalRows } = await pageOf(call.deps.store.read, call.caller, 'template', page)
  return { records: rows.map(viewTemplate), totalRows, pageNo: page.pageNo, pageSize: page.pageSize }
}

export const showTemplate: Handler = async (call) =>
  viewTemplate(await ownRecord(call.deps.store.read, call.caller, 'template', param(call, 'id')))

export const updateTemplate: Handler = async (call) => {
  const config = parseConfig(jsonBody(call))
  await call.deps.store.transact(async (tx) => {
    const record = await lockOwnRecord(tx, call.caller, 'template', param(call, 'id'))
    await updateRecord(tx, record, {
      name: config.name,
      body: { aidcId: config.aidcId, config } satisfies TemplateBody,
    })
  })
  return {}
}

/** Jobs that were made from it are as they were: they have a copy. */
export const deleteTemplate: Handler = async (call) => {
  await call.deps.store.transact(async (tx) =>
    deleteRecord(tx, await lockOwnRecord(tx, call.caller, 'template', param(call, 'id'))),
  )
  return {}
}

/** The full body of a template or job. The one misspelling that everybody makes is named (§12). */
export function parseConfig(body: Record<string, unknown>): JobConfig {
  if (body.trainingFramework !== undefined && body.trainingFramwork === undefined) {
    throw invalid('trainingFramework', 'is spelled trainingFramwork on this wire')
  }
  return parseInput(JobConfig, body)
}

export function templateConfig(record: VendorRecordRow): JobConfig {
  return (JSON.parse(record.body) as TemplateBody).config
}

function viewTemplate(record: VendorRecordRow) {
  return {
    id: record.vendor_id,
    createdTime: wireTime(record.created_at),
    updatedTime: wireTime(record.updated_at),
    createBy: record.parent,
    ...templateConfig(record),
  }
}
