import { JobSpec, providersOf } from '../../../schema/job.js'
import { jobName } from '../../../schema/vendor-config.js'
import { submitJob } from '../../../store/jobs.js'
import { lockNamed, type Tx } from '../../../store/store.js'
import { ensureProject } from '../../../store/tokens.js'
import { insertRecord, lockRecord, updateRecord } from '../../../store/vendor-records.js'
import { type Dataset, RUN_LIMIT } from '../config.js'
import { effectiveRequest } from '../effective.js'
import { dumpRequest, jobIdOf } from '../job-id.js'
import type { Caller } from '../sign.js'
import type { TrainRequest } from '../wire.js'
import { finetuneOf } from './finetune.js'
import { type Here, jobsOf } from './here.js'
import type { Kept } from './records.js'
import { Refusal } from './refusal.js'

/**
 * `POST /train`. The same request has the same id: while it runs no second run begins, and once it has ended a fresh one does
 * under that id (reference §12).
 */
export async function train(here: Here, caller: Caller, request: TrainRequest): Promise<{ job_id: string }> {
  const dataset = datasetOf(here, caller, request.processed_dataset_id)
  const { destination, hf_repo_id, format } = request.training_config.export_config
  if (destination === 'hfhub' && !hf_repo_id) throw new Refusal(400, 'hf_repo_id is required when export is hfhub')
  const id = jobIdOf(request)
  const spec = specOf(here, id, request, dataset)
  const { base_model_id, modality } = request.training_config
  const { job_name, processed_dataset_id } = request
  const body: Kept = { job_name, processed_dataset_id, base_model_id, modality, destination, format }
  const key = jobsOf(caller)
  await here.store.transact(async (tx) => {
    await ensureProject(tx, caller.project)
    await lockNamed(tx, `facet ${caller.project} ${caller.user} ${id}`)
    const known = await lockRecord(tx, key, id)
    if (known?.job_id && (await isActive(tx, known.job_id))) return
    const { job } = await submitJob(tx, { project: caller.project, actor: `facet:${caller.user}`, spec })
    if (known) await updateRecord(tx, known, { body, jobId: job.id })
    else await insertRecord(tx, key, { vendorId: id, name: job_name, body, jobId: job.id })
  })
  return { job_id: id }
}

async function isActive(tx: Tx, jobId: string): Promise<boolean> {
  const job = await tx.q.selectFrom('jobs').select('state').where('id', '=', jobId).executeTakeFirst()
  return job !== undefined && job.state !== 'ended'
}

/** Absent and somebody else's are the same 404. */
function datasetOf({ config, isOpen }: Here, caller: Caller, id: string): Dataset {
  const dataset = Object.hasOwn(config.datasets, id) ? config.datasets[id] : undefined
  if (dataset && (isOpen || dataset.user === undefined || dataset.user === caller.user)) return dataset
  const hint = `Add ${JSON.stringify(id)} to gateway.datasets in vendors/facet.yaml, for this user, and start the gateway again.`
  throw new Refusal(404, 'Processed dataset not found', hint)
}

/** What is set up for its trainer runs it, else the recipe of fine-tunes does. */
function specOf({ config }: Here, id: string, request: TrainRequest, dataset: Dataset): JobSpec {
  const { trainer_type: trainer } = request.training_config
  const command = config.commands[trainer] ?? config.commands.default
  const env = environmentOf(id, request, dataset)
  const files = { train: env.FACET_TRAIN_FILE, evaluation: env.FACET_EVAL_FILE }
  const elsewhere = providersOf({ provider: config.job.provider ?? 'local' }).find(({ name }) => name !== 'local')
  if (command === undefined && elsewhere) throw noCommand(trainer, `provider ${elsewhere.name} runs commands only here`)
  const run = command === undefined ? { finetune: finetuneOf(request, files) } : { command }
  const spec = JobSpec.safeParse({
    ...config.job,
    name: jobName(request.job_name, 'facet'),
    ...run,
    timeouts: { run: RUN_LIMIT, ...config.job.timeouts },
    env: { ...config.job.env, ...env },
  })
  if (spec.success) return spec.data
  const [problem] = spec.error.issues
  throw noCommand(trainer, `${problem?.path.join('.')} ${problem?.message}`)
}

function noCommand(trainer: string, why: string): Refusal {
  const hint = `Correct gateway.job, or set gateway.commands.${trainer}, in vendors/facet.yaml and start the gateway again.`
  return new Refusal(500, `Failed to start training job: ${why}`, hint)
}

/** Which split is which (reference §8, phase 1). */
const TRAIN = ['train', 'training']
const EVAL = ['test', 'validation', 'eval', 'evaluation']

interface Environment extends Record<string, string | undefined> {
  FACET_TRAIN_FILE: string
  FACET_EVAL_FILE?: string
}

function environmentOf(id: string, request: TrainRequest, { splits }: Dataset): Environment {
  const effective = effectiveRequest(request)
  const { eval_config: evaluation } = effective.training_config as { eval_config: { eval_strategy: unknown } | null }
  const isEvaluated = !['no', null, undefined].includes(evaluation?.eval_strategy as string | null | undefined)
  const named = (names: string[]) => Object.keys(splits).find((name) => names.includes(name))
  const train = splits[named(TRAIN) ?? (Object.keys(splits)[0] as string)] as string
  const evalSplit = isEvaluated ? splits[named(EVAL) ?? ''] : undefined
  return {
    FACET_JOB_ID: id,
    FACET_REQUEST: dumpRequest(effective),
    FACET_DATASET: JSON.stringify(splits),
    FACET_TRAIN_FILE: train,
    ...(evalSplit === undefined ? {} : { FACET_EVAL_FILE: evalSplit }),
  }
}
