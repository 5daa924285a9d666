import type { z } from 'zod'
import { Finetune } from '../../../schema/finetune.js'
import type { Model, ModelFinetune } from '../config.js'
import { supportOf } from '../config.js'
import { HYPERPARAMETERS, LORA, MODES, partOf, TUNINGS } from '../finetune.js'
import type { CreateJob } from '../wire.js'
import type { JobBody, TaskBody } from './records.js'
import { inappropriate, type Refusal } from './refusal.js'

/** What a task stands on: the words of the client, and the numbers with the defaults of the support list. */
export interface Asked {
  job: JobBody
  task: TaskBody
  numbers: Record<string, unknown>
  /** Where its data sets lie on this side. */
  data: readonly { path: string; samplingRate: number }[]
}

/**
 * The fine-tune that a task asks for, by the table of ../finetune.ts, and with what the model's entry adds. What the recipe
 * cannot do is refused with the name of the field.
 */
export function finetuneOf(model: Model, asked: Asked): Finetune {
  const { job, task } = asked
  const entry = model.finetune ?? {}
  checkFixed(model, job)
  checkTask(task)
  const tuning = tuningOf(model, job, task)
  const { numbers, lora } = numbersOf(asked.numbers, tuning)
  const mode = MODES[job.trainMode]
  const read = Finetune.safeParse({
    baseModel: entry.baseModel ?? job.model,
    dataset: { ...datasetOf(asked), ...formatOf(job, entry) },
    method: mode?.method,
    tuning,
    ...(Object.keys(lora).length > 0 ? { lora } : {}),
    hyperparameters: { ...entry.hyperparameters, ...numbers },
    ...(tuning === 'full' ? {} : { save: entry.save }),
    seed: entry.seed,
    sample: entry.sample,
  })
  if (!read.success) throw asRefusal(read.error)
  return JSON.parse(JSON.stringify(read.data)) as Finetune // without what is undefined
}

/** Told when the job is made, since it fixes model and train mode, and again with each task of it. */
export function checkFixed({ finetune }: Model, job: Pick<CreateJob, 'model' | 'trainMode'>): void {
  if (!finetune) return
  if (!MODES[job.trainMode]) throw unable('trainMode', `does ${Object.keys(MODES).join(', ')}`)
  // Which folders of the hosts are models is the operator's to say.
  if (finetune.baseModel === undefined && /^[./~$]/.test(job.model))
    throw unable('model', 'takes an id of the hub here')
}

/** What only a command of the operator's own can do. */
function checkTask(task: TaskBody): void {
  if (task.incrementTaskId !== undefined) throw unable('incrementTaskId', 'begins with the base model')
  if (task.corpusConfig !== undefined) throw unable('corpusConfig', 'has no corpus to mix in')
  if (task.modelConfig !== undefined) throw unable('modelConfig', 'knows no models of a user')
}

function tuningOf(model: Model, { trainMode }: JobBody, { parameterScale }: TaskBody): Finetune['tuning'] {
  const first = supportOf(model).find((mode) => mode.trainMode === trainMode)?.supportParameterScale[0]
  const tuning = TUNINGS[parameterScale ?? first?.parameterScale ?? 'FullFineTuning']
  if (tuning === undefined) throw unable('parameterScale', `does ${Object.keys(TUNINGS).join(', ')}`)
  return tuning === 'lora' ? (model.finetune?.tuning ?? 'lora') : tuning
}

function numbersOf(given: Record<string, unknown>, tuning: Finetune['tuning']) {
  const numbers: Record<string, unknown> = {}
  const lora: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue
    if (Object.hasOwn(HYPERPARAMETERS, name)) numbers[HYPERPARAMETERS[name as keyof typeof HYPERPARAMETERS]] = value
    else if (name.startsWith('lora') && tuning === 'full') throw unable(name, 'has it for the parameterScale LoRA only')
    else if (Object.hasOwn(LORA, name)) lora[LORA[name as keyof typeof LORA]] = value
    else if (name === 'loraAllLinear' && isTrue(value)) continue
    else if (name.startsWith('lora')) throw unable(name, 'puts LoRA on all linear layers')
    else throw unable(name, `knows ${[...Object.keys(HYPERPARAMETERS), ...Object.keys(LORA)].join(', ')}`)
  }
  if (typeof numbers.warmup === 'number' && numbers.warmup >= 1)
    throw unable('warmupRatio', 'warms up in less than all')
  return { numbers, lora }
}

const isTrue = (value: unknown) => value === true || String(value).toLowerCase() === 'true'

function datasetOf({ data, task }: Asked): { train: string; holdOut?: number } {
  const [only, ...more] = data
  if (only === undefined || more.length > 0) throw unable('versions', 'trains on one data set')
  if (only.samplingRate !== 1) throw unable('samplingRate', 'takes each row once')
  const { splitRatio } = task.datasetConfig
  if (splitRatio >= 100) throw unable('splitRatio', 'needs some of the rows for training')
  return { train: only.path, ...(splitRatio > 0 ? { holdOut: partOf(splitRatio) } : {}) }
}

function formatOf({ trainMode }: JobBody, { format }: ModelFinetune): { format?: Finetune['dataset']['format'] } {
  const fixed = MODES[trainMode]?.format
  if (fixed) return { format: fixed }
  return trainMode === 'SFT' && format ? { format } : {}
}

function unable(field: string, why: string): Refusal {
  return inappropriate(field, `The recipe of fine-tunes ${why}; a command under gateway.models can do otherwise.`)
}

const PLACES: Record<string, string> = { baseModel: 'model', dataset: 'versions', tuning: 'parameterScale' }

/** Named as the client has named it. */
function asRefusal({ issues }: z.ZodError): Refusal {
  const { path, message } = issues[0] as z.core.$ZodIssue
  const [top = '', name] = path.map(String)
  const named = { hyperparameters: HYPERPARAMETERS, lora: LORA }[top] ?? {}
  const own = Object.entries(named).find(([, field]) => field === name)?.[0]
  return inappropriate(own ?? PLACES[top] ?? name ?? top, `${message}.`)
}
