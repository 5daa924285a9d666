import { open, realpath, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { z } from 'zod'
import type { JobSpec } from '../../../schema/job.js'
import type { Here } from './here.js'
import type { Known } from './records.js'

/** What a training says of itself, in the file `facet.json` in `$ANNEAL_OUTPUT_DIR`; docs/vendors/facet.md describes it. */
const Said = z.object({
  wandb_url: z.string().nullish().catch(null),
  error: z.string().nullish().catch(null),
  /** Relative to the output folder; the repository's id where the destination is hfhub. */
  adapter_path: z.string().nullish().catch(null),
  gguf_path: z.string().nullish().catch(null),
  metrics: z.record(z.string(), z.unknown()).nullish().catch(null),
})

export interface Results {
  wandb_url: string | null
  error: string | null
  adapter_path: string | null
  gguf_path: string | null
  metrics: Record<(typeof METRICS)[number], number | null> | null
}

const METRICS = ['accuracy', 'perplexity', 'eval_loss', 'eval_runtime'] as const
const LARGEST = 1024 * 1024

/** What the newest run of a job has said, as far as it can be read here: a host of another machine keeps its files. */
export async function resultsOf(here: Here, { job, kept }: Known): Promise<Results> {
  const said = Said.parse(
    (await readRemote(here, job.id, job.attempt)) ??
      (await readSaid(here, job.id, job.attempt, 'facet.json')) ??
      (isRecipe(job.spec) ? await readLeft(here, job.id, job.attempt) : {}),
  )
  const where = (path: string | null | undefined) =>
    kept.destination === 'hfhub' ? (path ?? null) : inOutput(outputOf(here, job.id, job.attempt), path)
  return {
    wandb_url: said.wandb_url ?? null,
    error: said.error ?? null,
    adapter_path: await where(said.adapter_path),
    gguf_path: await where(said.gguf_path),
    metrics: said.metrics ? metricsOf(said.metrics) : null,
  }
}

/** NaN and the infinities, which JSON does not know, are null (reference §10, number 3). */
function metricsOf(said: Record<string, unknown>): Results['metrics'] {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null)
  return Object.fromEntries(METRICS.map((name) => [name, number(said[name])])) as Results['metrics']
}

export function outputOf({ runs }: Here, jobId: string, attempt: number): string {
  return join(runs, jobId, String(attempt), 'output')
}

/** What another service says of the run, where the job went on to one. */
async function readRemote({ store }: Here, jobId: string, attempt: number): Promise<unknown> {
  const run = await store.read
    .selectFrom('remote_runs')
    .select('status')
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .executeTakeFirst()
  if (!run?.status) return undefined
  const { metrics, message, links } = JSON.parse(run.status) as {
    metrics?: unknown
    message?: unknown
    links?: Record<string, string>
  }
  return { metrics, error: message, wandb_url: links?.wandb_url }
}

function isRecipe(spec: string): boolean {
  return (JSON.parse(spec) as JobSpec).finetune !== undefined
}

/** What the recipe of fine-tunes has left; its `metrics.json` is the last that it writes. */
async function readLeft(here: Here, jobId: string, attempt: number): Promise<unknown> {
  const metrics = await readSaid(here, jobId, attempt, 'metrics.json')
  if (metrics === undefined) return {}
  const adapter = await inOutput(outputOf(here, jobId, attempt), 'adapter')
  return { metrics, adapter_path: adapter === null ? 'model' : 'adapter' }
}

async function readSaid(here: Here, jobId: string, attempt: number, name: string): Promise<unknown> {
  try {
    const file = await open(join(outputOf(here, jobId, attempt), name))
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LARGEST), 0, LARGEST, 0)
      return z.looseObject({}).parse(JSON.parse(withoutNonNumbers(buffer.subarray(0, bytesRead).toString('utf8'))))
    } finally {
      await file.close()
    }
  } catch {
    return undefined // not there, half-written or no JSON: then nothing has been said
  }
}

/** Python writes NaN and Infinity where JSON has no word for them. */
function withoutNonNumbers(text: string): string {
  return text.replace(
    /("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g,
    (_, quoted: string | undefined) => quoted ?? 'null',
  )
}

/** The path in the output folder, where it exists and does not lead out of it. */
async function inOutput(output: string, path: string | null | undefined): Promise<string | null> {
  if (!path || path.includes('\0')) return null
  try {
    const root = await realpath(output)
    const real = await realpath(resolve(root, path))
    return real.startsWith(root + sep) && (await stat(real)) ? real : null
  } catch {
    return null
  }
}
