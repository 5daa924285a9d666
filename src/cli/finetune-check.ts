import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isAbsolute, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Failure, type Problem } from '../schema/failure.js'
import { plain, say } from './output.js'

/** The recipe that the job will run; `dist` and `src` lie beside it. */
const RECIPE = fileURLToPath(new URL('../../recipes/finetune/main.py', import.meta.url))
/** Of larger data than can be looked through in this time, the job finds out. Milliseconds. */
const LONGEST = 60_000
/** What it has to say is far less. Bytes. */
const MOST_SAID = 1024 * 1024
/** Only a user who waits longer is told for what. Milliseconds. */
const LONG = 1_000
const REFUSED = 2
const DATA_FILE = /\.(jsonl|ndjson|json|csv|parquet)$/i

/** What of the user's machine the job will have: the folder that is sent with it, and everything where it runs here. */
export interface Reach {
  folder: string | null | undefined
  isThisMachine: boolean
}

/**
 * Looks at the data of a fine-tune that lie in the folder that is sent with it, by the recipe's own check, so that no
 * device is held for data that are wrong. Fails with `invalid_spec` and the rows. Where it cannot look (no python3, data
 * of the host or of the hub) it says so in a line, since the job looks at them again before it loads a model.
 */
export async function checkFinetune(asked: unknown, reach: Reach): Promise<void> {
  const found = withinReach(asked, reach)
  if (typeof found === 'string') return leave(found)
  if (reach.folder) await checkIsSent(found, reach.folder)
  const ended = await recipeCheck(found, reach.folder ?? '.')
  if (ended.code !== 0) {
    const why = ended.code === REFUSED ? refusalOf(ended.stderr) : whyNot(ended)
    if (typeof why === 'string') return leave(why)
    throw why
  }
  for (const line of ended.stdout.trim().split('\n')) say(plain(`checked ${line}`))
}

type Finetune = { dataset: { train: string; evaluation?: string }; evaluation?: unknown }

/** What of it can be looked at here, or why nothing can. What is wrong with the description itself the server says better. */
function withinReach(asked: unknown, reach: Reach): Finetune | string {
  const { dataset } = (asked ?? {}) as Partial<Finetune>
  if (typeof dataset?.train !== 'string') return 'its dataset.train is no text'
  if (!isWithin(dataset.train, reach)) return `${dataset.train} is not in ${reach.folder ? 'the' : 'a'} workdir`
  if (typeof dataset.evaluation !== 'string' || isWithin(dataset.evaluation, reach)) return asked as Finetune
  const { evaluation, ...others } = dataset
  say(plain(`${evaluation} is not in the workdir and was not looked at`))
  return { ...(asked as Finetune), dataset: others, evaluation: undefined }
}

/** A file that is missing in the workdir is wrong, and so within reach; elsewhere a setup may yet make it. */
function isWithin(path: string, { folder, isThisMachine }: Reach): boolean {
  if (/^[~$]|\$\{?\w/.test(path)) return false
  if (isAbsolute(path)) return isThisMachine && existsSync(path)
  if (!folder || !existsSync(folder) || path.split(sep).includes('..')) return false
  return DATA_FILE.test(path) || existsSync(join(folder, path))
}

async function checkIsSent({ dataset }: Finetune, folder: string): Promise<void> {
  const { leftOutBy } = await import('./workdir/rules.js')
  const problems: Problem[] = []
  for (const name of ['train', 'evaluation'] as const) {
    const path = dataset[name]
    const by = typeof path !== 'string' || isAbsolute(path) ? undefined : await leftOutBy(folder, path)
    if (by === undefined) continue
    problems.push({ path: `dataset.${name}`, message: `${path} is named by ${by}, so the job would not have it` })
  }
  if (problems.length === 0) return
  throw new Failure('invalid_spec', 'Data of the fine-tune are not sent with its workdir', {
    problems,
    next: 'take it along by a line such as `!data/` in .annealignore, or name data that the host has by an absolute path',
  })
}

/** `code`: its exit code, or that of the error that kept it from running. */
interface Ended {
  code: number | string
  killed?: boolean
  stdout: string
  stderr: string
}

/** The tokenizer is one that is there already: nothing is fetched. */
async function recipeCheck(asked: unknown, folder: string): Promise<Ended> {
  const env = {
    ...process.env,
    ANNEAL_FINETUNE: JSON.stringify(asked),
    HF_HUB_OFFLINE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const waiting = setTimeout(() => say('looking at the data of the fine-tune'), LONG)
  try {
    const how = { cwd: folder, env, timeout: LONGEST, killSignal: 'SIGKILL', maxBuffer: MOST_SAID } as const
    return { code: 0, ...(await promisify(execFile)('python3', [RECIPE, 'check'], how)) }
  } catch (error) {
    return error as Ended
  } finally {
    clearTimeout(waiting)
  }
}

function whyNot({ code, killed, stderr }: Ended): string {
  if (code === 'ENOENT') return 'there is no python3'
  if (killed) return `it takes longer than ${LONGEST / 1000} s`
  return `the check ended with ${code}: ${lastLine(stderr)}`
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) as string
}

function leave(why: string): void {
  say(plain(`the data are not looked at here, but by the job before it loads a model: ${why}`))
}

/** Said as `finetune: train.jsonl has an error`, then a line for each, the last with `[invalid_data]`; of another kind: in words. */
function refusalOf(said: string): Failure | string {
  const [, head = '', lines = '', kind] = /^finetune: (.*)\n?([\s\S]*) \[(\w+)\]\s*$/m.exec(said) ?? []
  const problems = lines.split('\n').filter((line) => line.trim() !== '')
  if (kind === undefined) return lastLine(said)
  if (kind !== 'invalid_data') return [head, ...problems.slice(0, 1).map((line) => line.trim())].join(': ')
  return new Failure('invalid_spec', head, {
    problems: problems.map(problemOf),
    next: 'mend what is named; --no-check submits it as it is',
  })
}

function problemOf(line: string): Problem {
  const [, path = 'dataset', message = line] = /^\s*(.*?): (.*)$/.exec(line) ?? []
  return { path, message }
}
