import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Document, isMap, isNode, isPair, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { Failure } from '../../schema/failure.js'
import { checkSize } from './size.js'

/** A job description as it was written, and where each thing stands in it. */
export interface JobFile {
  /** As problems name it. */
  name: string
  spec: Record<string, unknown>
  /** `job.yaml:7:3` for `resources.gpu`; the nearest thing around it where it is missing. */
  locate(path: string): string
}

/**
 * Reads YAML or JSON from a file, or from stdin for `-`. Fails with `invalid_spec`, naming line and column, with
 * `too_large` (more than `most` bytes) before anything is parsed, or with `not_found`.
 */
export async function readJobFile(file: string, most?: number): Promise<JobFile> {
  const name = file === '-' ? 'stdin' : basename(file)
  const text = file === '-' ? await readStdin(most) : await readRegularFile(file, most)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const position = (offset: number) => `${name}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = faults.map(({ pos, message }) => ({ path: position(pos[0]), message }))
    throw new Failure('invalid_spec', `${name} is no valid YAML`, { problems, next: 'mend what is named' })
  }
  const spec = toObject(document, name)
  return { name, spec, locate: (path) => position(offsetOf(document, path)) }
}

function toObject(document: Document.Parsed, name: string): Record<string, unknown> {
  const next = 'begin with the lines `name: my-job` and `command: python train.py`'
  let value: unknown
  try {
    value = document.toJS()
  } catch (error) {
    throw new Failure('invalid_spec', `${name}: ${(error as Error).message}`, {
      cause: error,
      next: 'mend what is named',
    })
  }
  if (isMap(document.contents)) return value as Record<string, unknown>
  const found =
    value === null ? 'empty' : Array.isArray(value) ? 'a list' : `the text ${JSON.stringify(value).slice(0, 40)}`
  throw new Failure('invalid_spec', `${name} is ${found}; expected a description of one job`, { next })
}

/** Where the key stands that a path such as `env.A.B` or `secrets[2]` means; keys may have dots in them. */
function offsetOf(document: Document.Parsed, path: string): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (let rest = path === '(document)' ? '' : path; rest !== ''; ) {
    const step = isMap(node) ? stepIntoMap(node, rest) : isSeq(node) ? stepIntoList(node, rest) : undefined
    if (!step) return offset
    offset = step.offset
    node = step.node
    rest = step.rest.replace(/^\./, '')
  }
  return offset
}

type Step = { node: unknown; offset: number; rest: string } | undefined

function stepIntoMap(map: { items: unknown[] }, path: string): Step {
  const fitting = map.items.filter(isPair).flatMap((pair) => {
    const key = pair.key as Node & { value?: unknown }
    const name = String(key.value)
    const isIt = path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`)
    return isIt ? [{ node: pair.value, offset: key.range?.[0] ?? 0, rest: path.slice(name.length) }] : []
  })
  return fitting.sort((a, b) => a.rest.length - b.rest.length)[0]
}

function stepIntoList(list: { items: unknown[] }, path: string): Step {
  const match = /^\[(\d+)\]/.exec(path)
  const node = list.items[Number(match?.[1])]
  if (!match || !isNode(node)) return undefined
  return { node, offset: node.range?.[0] ?? 0, rest: path.slice(match[0].length) }
}

async function readRegularFile(file: string, most?: number): Promise<string> {
  try {
    const { size } = await stat(file)
    checkSize(file, size, most)
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const next = 'check the path'
    if (code === 'ENOENT') throw new Failure('not_found', `There is no file ${file}`, { cause: error, next })
    if (code === 'EISDIR')
      throw new Failure('invalid_request', `${file} is a folder; expected a job file`, { cause: error, next })
    if (code !== 'EACCES') throw error
    throw new Failure('invalid_request', `${file} may not be read by this user`, {
      cause: error,
      next: 'mend its permissions',
    })
  }
}

async function readStdin(most?: number): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    size += part.length
    checkSize('stdin', size, most)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
