import { JobSpec, MAX_SPEC_BYTES, providersOf } from '../../../schema/job.js'
import { jobName } from '../../../schema/vendor-config.js'
import { datasetPath, type Model, type QianfanGateway, specOf, supportOf } from '../config.js'
import { parametersOf, withDefaults, wrongParameter } from '../support.js'
import type { DatasetVersion } from '../wire.js'
import { finetuneOf } from './finetune.js'
import type { JobBody, TaskBody } from './records.js'
import { inappropriate } from './refusal.js'

/** Linux takes at most 131,072 bytes of one variable with its name (`MAX_ARG_STRLEN`). */
const LONGEST_VALUE = 120_000

/** A task, and what it stands on. */
export interface Task {
  jobId: string
  taskId: string
  job: JobBody
  task: TaskBody
  /** The job whose task is trained on, and the checkpoint of it that was chosen, where one is known. */
  base?: { job: string; checkpoint?: string | undefined } | undefined
}

/** The job that a task becomes: the model's entry of the file, with the task's fields in its environment. */
export function specOfTask(config: QianfanGateway, model: Model, asked: Task): JobSpec {
  const base = specOf(config, model)
  const providers = providersOf({ provider: base.provider ?? 'local' }).map(({ name }) => name)
  const isHere = providers.some((name) => name !== 'qianfan')
  const datasets = isHere ? localDatasets(config, asked.task) : []
  const numbers = hyperparametersOf(config, model, asked.job, asked.task)
  const run = model.finetune ? { finetune: finetuneOf(model, { ...asked, numbers, data: datasets }) } : {}
  const result = JobSpec.safeParse({
    ...base,
    ...run,
    name: jobName(asked.job.name, 'qianfan'),
    ...(base.command === undefined ? {} : { command: withBaseFolder(base.command, asked.base) }),
    ...(providers.includes('qianfan') ? { providerOptions: forwarded(base.providerOptions, asked) } : {}),
    env: { ...base.env, ...environmentOf(asked, numbers, datasets) },
    tags: { ...base.tags, 'qianfan.job': asked.jobId, 'qianfan.task': asked.taskId },
  })
  if (!result.success) throw inappropriate('body', `${result.error.issues[0]?.message}.`)
  if (Buffer.byteLength(JSON.stringify(result.data)) > MAX_SPEC_BYTES) throw inappropriate('body', 'It is too large.')
  return result.data
}

function environmentOf(asked: Task, numbers: Record<string, unknown>, datasets: readonly LocalDataset[]) {
  const { job, task, base } = asked
  const fields: Record<string, unknown> = {
    JOB_ID: asked.jobId,
    TASK_ID: asked.taskId,
    JOB_NAME: job.name,
    MODEL: job.model,
    TRAIN_MODE: job.trainMode,
    PARAMETER_SCALE: task.parameterScale,
    HYPERPARAMETERS: numbers,
    DATASETS: datasets,
    DATASET_CONFIG: task.datasetConfig,
    SPLIT_RATIO: task.datasetConfig.splitRatio,
    CORPUS_CONFIG: task.corpusConfig,
    MODEL_CONFIG: task.modelConfig,
    INCREMENT_TASK_ID: task.incrementTaskId,
    INCREMENT_CHECKPOINT_STEP: task.incrementCheckpointStep,
    INCREMENT_CHECKPOINT: base?.checkpoint,
  }
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [`QIANFAN_${name}`, asText(name, value)]))
}

function asText(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (Buffer.byteLength(text) > LONGEST_VALUE) {
    throw inappropriate(name === 'HYPERPARAMETERS' ? 'hyperParameterConfig' : 'datasetConfig', 'It is too large.')
  }
  return text
}

/** The support list's defaults with what was asked for on top; unknown names go through (§12 #7). */
function hyperparametersOf(config: QianfanGateway, model: Model, job: JobBody, task: TaskBody) {
  const parameters = parametersOf(supportOf(model), job.trainMode, task.parameterScale)
  if (config.strict) {
    if (!parameters) throw inappropriate('parameterScale', `${job.model} is not trained so with ${job.trainMode} here.`)
    const wrong = wrongParameter(parameters, task.hyperParameterConfig)
    if (wrong) throw inappropriate(wrong, 'It is not known, or not within the limits of the support list.')
  }
  return withDefaults(parameters ?? [], task.hyperParameterConfig)
}

type LocalDataset = { path: string; samplingRate: number; versionId?: string; versionBosUri?: string }

/** Where the data sets lie on this side. */
function localDatasets(config: QianfanGateway, { datasetConfig }: TaskBody): LocalDataset[] {
  const { sourceType, versions } = datasetConfig
  if (versions.length === 0 && !config.compatible) throw inappropriate('versions', 'At least one is needed.')
  const field = sourceType === 'Platform' ? 'versionId' : 'versionBosUri'
  return versions.map((version) => {
    const address = addressOf(version, field)
    const path = datasetPath(config, address)
    if (path !== undefined) return { path, samplingRate: version.samplingRate ?? 1, [field]: address }
    const named = JSON.stringify(address)
    throw inappropriate(
      field,
      `The data set ${named} is not configured here: add it under gateway.datasets in vendors/qianfan.yaml.`,
    )
  })
}

function addressOf(version: DatasetVersion, field: 'versionId' | 'versionBosUri'): string {
  const address = version[field]
  if (address === undefined) throw inappropriate(field, 'It is required with this sourceType.')
  return address
}

/** Passed on to Qianfan itself, where a model's provider says so: the same words. */
function forwarded(options: JobSpec['providerOptions'], { job, task }: Task): JobSpec['providerOptions'] {
  const { name: _, ...asked } = job
  return { ...options, qianfan: { ...options?.qianfan, ...JSON.parse(JSON.stringify({ ...asked, ...task })) } }
}

/**
 * The checkpoint folder of the base task beside this one's own, which the host has laid out as `runs/<job>/checkpoints`. Not
 * shared by `retryOf`: two tasks that go on from one base would write into the base's folder and into each other's.
 */
function withBaseFolder(command: string | string[], base: Task['base']): string | string[] {
  if (!base) return command
  const folder = `export QIANFAN_INCREMENT_CHECKPOINT_DIR="\${ANNEAL_CHECKPOINT_DIR%/*/*}/${base.job}/checkpoints"`
  if (typeof command === 'string') return `${folder}\n${command}`
  return ['sh', '-c', `${folder}\nexec "$@"`, 'sh', ...command]
}
