import { dirname, resolve } from 'node:path'
import type { Client, Sweep, SweepPlan, SweepSpec } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { type JobFile, readJobFile } from './spec/job-file.js'
import { checkSize } from './spec/size.js'
import { prepareWorkdir } from './workdir/prepare.js'

/** What the sweep of a file would run; nothing is packed or sent but the description. */
export async function planSweepFile(client: Client, path: string): Promise<SweepPlan> {
  const { file, described } = await readSweepFile(path)
  return locating(file, () => client.planSweep(withoutFolder(described)))
}

/**
 * Reads, packs the workdir of its job, and submits. What the server finds wrong is named by its line and column; it is asked before a
 * large folder is packed for nothing.
 */
export async function submitSweepFile(
  client: Client,
  path: string,
  key: string | undefined,
): Promise<{ sweep: Sweep; existed: boolean }> {
  const { file, described } = await readSweepFile(path)
  const { workdir } = described.job ?? {}
  if (typeof workdir === 'string') {
    await locating(file, () => client.planSweep(withoutFolder(described)))
    const folder = resolve(path === '-' ? '.' : dirname(path), workdir)
    described.job = { ...described.job, workdir: await prepareWorkdir(client, folder) }
  }
  checkSize(file.name, Buffer.byteLength(JSON.stringify(described)))
  return locating(file, () => client.submitSweep(described, key))
}

async function readSweepFile(path: string): Promise<{ file: JobFile; described: SweepSpec }> {
  const file = await readJobFile(path)
  const { sweep, ...others } = file.spec
  const [other] = Object.keys(others)
  if (typeof sweep !== 'object' || sweep === null || other !== undefined) throw notASweep(file, other)
  return { file, described: sweep as SweepSpec }
}

/** A folder is a path here and a blob at the server. */
function withoutFolder(sweep: SweepSpec): SweepSpec {
  const { workdir, ...job } = sweep.job ?? {}
  return typeof workdir === 'string' ? { ...sweep, job } : sweep
}

async function locating<T>(file: JobFile, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw failureCode(error) === 'invalid_spec' ? located(error as Failure, file) : error
  }
}

function notASweep(file: JobFile, other: string | undefined): Failure {
  const place = other === undefined ? file.name : `${file.locate(other)} ${other}`
  return new Failure('invalid_spec', `${place}: expected the one key sweep, with the description below it`, {
    next: 'begin with the lines `sweep:`, `  name: my-sweep` and `  method: grid`',
  })
}

function located(failure: Failure, file: JobFile): Failure {
  if (!failure.problems) return failure
  const problems = failure.problems.map((problem) => ({
    ...problem,
    path: `${file.locate(problem.path)} ${problem.path}`,
  }))
  const count = problems.length === 1 ? 'an error' : `${problems.length} errors`
  return new Failure(failure.code, `${file.name} has ${count}`, {
    problems,
    next: 'mend what is named, then try again',
    cause: failure,
  })
}
