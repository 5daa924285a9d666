import type { FastifyRequest } from 'fastify'
import type { Caller } from './caller.js'
import * as own from './job-records.js'
import { versionRef } from './jobs.js'
import {
  fileNames,
  type Lines,
  linesAfter,
  linesBefore,
  newestEnd,
  type Piece,
  piecesOf,
  readRange,
} from './log-file.js'
import { invalid, unknown } from './refusal.js'
import { choiceIn, numberIn, type Query } from './request.js'

/** L1. */
export async function listLogFiles(request: FastifyRequest, caller: Caller, deps: own.Deps) {
  const { names } = await filesOf(request, caller, deps)
  return { log_file_list: names }
}

async function filesOf(request: FastifyRequest, caller: Caller, { store, logs }: own.Deps) {
  const ref = versionRef(request)
  const job = await own.findJob(store.read, caller, ref.jobId)
  const { job_id } = await own.findVersion(store.read, caller, ref)
  const streams = await logs.streams(job_id as string)
  return { jobId: job_id as string, streams, names: fileNames(job.name as string, streams) }
}

async function piecesIn(request: FastifyRequest, query: Query, caller: Caller, deps: own.Deps): Promise<Piece[]> {
  const name = query.log_file ?? ''
  if (name === '') throw invalid('log_file: is required')
  const { jobId, streams, names } = await filesOf(request, caller, deps)
  if (!names.includes(name)) throw unknown(`Log file ${name}`)
  return piecesOf(jobId, streams, Number(name.slice(name.lastIndexOf('.') + 1)))
}

/** L2: whole lines after (`desc`) or before (`asc`) a cursor; without one the newest, whatever `order` says (§7, §13). */
export async function readLogLines(request: FastifyRequest, query: Query, caller: Caller, deps: own.Deps) {
  const count = numberIn(query, 'lines', { min: 0, max: 500, otherwise: 50 })
  const order = choiceIn(query, 'order', ['asc', 'desc'], 'desc')
  const cursor = (query.base_line ?? '').trim()
  if (!/^\d{0,19}$/.test(cursor)) throw invalid('base_line: expected a value that an earlier answer gave')
  const pieces = await piecesIn(request, query, caller, deps)
  const base = cursor === '' ? await newestEnd(deps.logs, pieces) : BigInt(cursor)
  const read = cursor === '' || order === 'asc' ? linesBefore : linesAfter
  return answer(await read(deps.logs, pieces, base, count))
}

/** Cursors are strings: as numbers most clients would round them (§7). */
function answer({ lines, start, end }: Lines) {
  return { content: lines.join('\n'), lines: lines.length, start_line: String(start), end_line: String(end) }
}

const MOST_BYTES = 2048

/** L3, the oldest form: bytes by their place in the whole file; -1 means its end. */
export async function readLogBytes(request: FastifyRequest, query: Query, caller: Caller, deps: own.Deps) {
  const max = Number.MAX_SAFE_INTEGER
  const start = numberIn(query, 'start_byte', { min: -1, max, otherwise: 0 })
  const offset = numberIn(query, 'offset', { min: -MOST_BYTES, max: MOST_BYTES, otherwise: MOST_BYTES })
  const pieces = await piecesIn(request, query, caller, deps)
  const total = pieces.reduce((sum, { end }) => sum + end, 0)
  const from = start === -1 ? total - Math.abs(offset) : start + Math.min(0, offset)
  const to = start === -1 ? total : start + Math.max(0, offset)
  const bytes = await bytesOf(deps, pieces, Math.max(0, from), Math.min(total, to))
  return { log: bytes.toString('utf8'), log_byte_count: bytes.length, end_byte: Math.max(0, from) + bytes.length }
}

async function bytesOf({ logs }: own.Deps, pieces: Piece[], from: number, to: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let before = 0
  for (const { key, end } of pieces) {
    const [first, last] = [Math.max(0, from - before), Math.min(end, to - before)]
    if (first < last) parts.push(await readRange(logs, key, first, last))
    before += end
  }
  return Buffer.concat(parts)
}
