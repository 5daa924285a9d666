import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** Every file under a folder, in order; none when the folder is missing. */
export function listFiles(folder) {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.includes('.tmp-'))
  return files.map((entry) => join(entry.parentPath, entry.name)).sort()
}

/** A hash over the names, modes and contents of files. */
export function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\0${statSync(file).mode}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

/** Writes by rename, and only what differs, so that two builds at once and running processes see whole files. */
export function writeWhole(path, contents, mode) {
  const bytes = Buffer.from(contents)
  if (existsSync(path) && readFileSync(path).equals(bytes) && (mode ?? statSync(path).mode) === statSync(path).mode)
    return
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.tmp-${process.pid}`
  writeFileSync(temporary, bytes)
  if (mode !== undefined) chmodSync(temporary, mode)
  renameSync(temporary, path)
}

/** What a JSON file holds; an empty object when there is none. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}
