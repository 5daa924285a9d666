import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, normalize, sep } from 'node:path'
import ignoreRules, { type Ignore } from 'ignore'

export const IGNORE_FILE = '.annealignore'
export const GIT_IGNORE_FILE = '.gitignore'

/**
 * What of a workdir is not packed: `.git`, what `.gitignore` names, its own and in a clone also those of the folders around it and in
 * it, and what `.annealignore` names, which has the last word: `!data/` takes along what git does not.
 */
export class WorkdirRules {
  readonly #root: string
  /** Of git's files and our own behind them. */
  readonly #all: Ignore
  /** Our own alone. */
  readonly #own: Ignore
  readonly #ownText: string

  private constructor(root: string, all: Ignore, ownText: string) {
    this.#root = root
    this.#all = all.add(ownText)
    this.#own = ignoreRules().add(ownText)
    this.#ownText = ownText
  }

  static async read(root: string): Promise<WorkdirRules> {
    const all = ignoreRules()
    for (const { text, way } of await aroundOf(root)) all.add(linesOf(text).flatMap((line) => seenFrom(way, line)))
    return new WorkdirRules(root, all, await textOf(join(root, IGNORE_FILE)))
  }

  /** Takes in the rules of a folder in the workdir; `path` ends in a slash. */
  async enter(path: string): Promise<void> {
    const text = path === '' ? '' : await textOf(join(this.#root, path, GIT_IGNORE_FILE))
    if (text !== '') this.#all.add(linesOf(text).map((line) => below(path, line))).add(this.#ownText)
  }

  /** By which file it is left out; undefined: it is packed. A folder ends in a slash. */
  leavesOut(path: string): 'git' | 'own' | undefined {
    if (basename(path) === '.git') return 'own'
    if (!this.#all.ignores(path)) return undefined
    return this.#own.ignores(path) ? 'own' : 'git'
  }
}

/** The file by whose rules what stands at a path of the folder, such as `data/train.jsonl`, is not packed. */
export async function leftOutBy(folder: string, path: string): Promise<string | undefined> {
  const rules = await WorkdirRules.read(await realpath(folder))
  const names = normalize(path)
    .split(sep)
    .filter((name) => name !== '' && name !== '.')
  let parent = ''
  for (const name of names) {
    await rules.enter(parent)
    const by = rules.leavesOut(`${parent}${name}/`) ?? rules.leavesOut(`${parent}${name}`)
    if (by !== undefined) return by === 'git' ? GIT_IGNORE_FILE : IGNORE_FILE
    parent = `${parent}${name}/`
  }
  return undefined
}

/** git's rules of the folder itself and, in a clone, of those around it; `way` leads from there to the folder. */
async function aroundOf(root: string): Promise<{ text: string; way: string }[]> {
  const own = { text: await textOf(join(root, GIT_IGNORE_FILE)), way: '' }
  const found = [own]
  for (let at = root, way = ''; dirname(at) !== at; ) {
    if (await isThere(join(at, '.git'))) return found
    way = `${basename(at)}/${way}`
    at = dirname(at)
    found.unshift({ text: await textOf(join(at, GIT_IGNORE_FILE)), way })
  }
  return [own] // no clone: what stands above it says nothing of it
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
}

/** A rule with a slash before its end holds from its own folder on, any other at every depth. */
function parts(line: string): { not: string; body: string; isAnchored: boolean } {
  const [not, pattern] = line.startsWith('!') ? ['!', line.slice(1)] : ['', line]
  const isAnchored = pattern.trimEnd().slice(0, -1).includes('/')
  return { not, body: pattern.replace(/^\//, ''), isAnchored }
}

/** A rule of a folder around the workdir as one of the workdir; none where it speaks of another folder. */
function seenFrom(way: string, line: string): string[] {
  const { not, body, isAnchored } = parts(line)
  if (way === '' || !isAnchored || body.startsWith('**/')) return [line]
  return body.startsWith(way) && body.length > way.length ? [`${not}/${body.slice(way.length)}`] : []
}

/** A rule of a folder in the workdir as one of the workdir. */
function below(folder: string, line: string): string {
  const { not, body, isAnchored } = parts(line)
  const literal = folder.replace(/[\\*?[\]!#]/g, '\\$&')
  return `${not}/${literal}${isAnchored ? '' : '**/'}${body}`
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EISDIR' || error.code === 'EACCES') return ''
    throw error
  })
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
