import { dirname, resolve } from 'node:path'
import type { Client, Sweep, SweepSpec } from '../client/index.js'
import { Failure, failureCode } from '../schema/failure.js'
import { type JobFile, readJobFile } from './spec/job-file.js'
import { checkSize } from './spec/size.js'
import { prepareWorkdir } from './workdir/prepare.js'

/** Reads, packs the workdir of its job, and submits. What the server finds wrong is named by its line and column. */
export async function submitSweepFile(
  client: Client,
  path: string,
  key: string | undefined,
): Promise<{ sweep: Sweep; existed: boolean }> {
  const file = await readJobFile(path)
  const { sweep, ...others } = file.spec
  const [other] = Object.keys(others)
  if (typeof sweep !== 'object' || sweep === null || other !== undefined) throw notASweep(file, other)
  const described = sweep as SweepSpec
  const { workdir } = described.job ?? {}
  if (typeof workdir === 'string') {
    const folder = resolve(path === '-' ? '.' : dirname(path), workdir)
    described.job = { ...described.job, workdir: await prepareWorkdir(client, folder) }
  }
  checkSize(file.name, Buffer.byteLength(JSON.stringify(described)))
  try {
    return await client.submitSweep(described, key)
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
