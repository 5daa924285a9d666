import type { Finetune } from '../../../schema/finetune.js'
import { type Fields, inWordsOf, type Translation, type Word, withOwn } from '../../../schema/finetune-words.js'
import { NUMBERS, type Trainer, WARMUP_STEPS } from '../finetune.js'

/**
 * A fine-tune as a request of Facet: the other way of ../facade/finetune.ts.
 *
 * | fine-tune | `training_config` |
 * |---|---|
 * | `baseModel` | `base_model_id` |
 * | `method`, `tuning` | `trainer_type`; `method` Full, LoRA, QLoRA |
 * | `lora.rank`, `.alpha`, `.dropout` | `hyperparameters.lora_rank`, `lora_alpha` (a whole number), `lora_dropout` |
 * | `hyperparameters` | `hyperparameters`, by NUMBERS of ../finetune.ts, where they reach the trainer |
 * | `graders` | `reward_config`, in snake_case |
 * | `dataset.evaluation`, `evaluation` | `eval_config`, on the split of the data set that is for it |
 * | `save` | `export_config.format` adapter, merged; of a full fine-tune full |
 *
 * `processed_dataset_id` takes the place of the data. Method, tuning and format are always said, since their defaults differ;
 * numbers that are left out are the service's. Where `own` names the model, that counts.
 */
export function inFacetsWords(asked: Finetune, own: Fields): Translation {
  const { method = 'sft', tuning = 'lora', save = tuning === 'full' ? 'merged' : 'adapter', ...more } = asked
  const hasOwnModel = (own.training_config as Fields | undefined)?.base_model_id !== undefined
  const words = { ...WORDS, ...(hasOwnModel ? { baseModel: nothing } : {}) }
  return withOwn(inWordsOf('Facet', { method, tuning, save, ...more }, words), own, 'facet')
}

/** What needs no word: `processed_dataset_id` stands for it, or it is always so. */
const nothing: Word = () => ({})
const config = (training_config: Fields): Fields => ({ training_config })
const number = (name: string, value: unknown) => config({ hyperparameters: { [name]: value } })

const TUNINGS = { full: 'Full', lora: 'LoRA', qlora: 'QLoRA' }
/** Of the columns that each trainer reads there (reference §8). */
const FORMATS: Record<Trainer, string> = { sft: 'messages', dpo: 'preference', orpo: 'preference', grpo: 'prompts' }

const WORDS: Record<string, Word> = {
  baseModel: (name: string) =>
    /^[./~$]/.test(name)
      ? 'is a folder; providerOptions.facet.training_config.base_model_id is the id of a model'
      : config({ base_model_id: name }),
  method: (trainer_type: string) => config({ trainer_type }),
  tuning: (tuning: keyof typeof TUNINGS) => config({ method: TUNINGS[tuning] }),
  save: (save: string, { tuning }) => config({ export_config: { format: tuning === 'full' ? 'full' : save } }),
  'dataset.train': nothing,
  'dataset.evaluation': (_, { evaluation }) => {
    if (evaluation?.strategy === 'no') return 'Facet evaluates nothing with evaluation.strategy no; leave this out'
    return config({ eval_config: { eval_strategy: evaluation?.strategy ?? 'epoch' } })
  },
  'dataset.format': (format: string, { method = 'sft' }) =>
    format === FORMATS[method] ? {} : `Facet's data sets for ${method} are ${FORMATS[method]}`,
  'evaluation.strategy': nothing, // it stands with the data for it
  'evaluation.steps': (eval_steps: number, { dataset }) =>
    dataset.evaluation === undefined ? 'is for data for evaluation' : config({ eval_config: { eval_steps } }),
  'lora.rank': ofLora('lora_rank'),
  'lora.alpha': (value: number, asked) =>
    Number.isInteger(value) ? ofLora('lora_alpha')(value, asked) : 'Facet takes whole numbers',
  'lora.dropout': ofLora('lora_dropout'),
  graders: (graders: object[]) => config({ reward_config: graders.map(inSnakeCase) }),
  ...Object.fromEntries(NUMBERS.map((entry) => [`hyperparameters.${entry[1]}`, numberWord(entry)])),
  'hyperparameters.epochs': (value: number) =>
    Number.isInteger(value) ? number('epochs', value) : 'Facet takes whole numbers',
  'hyperparameters.warmup': warmup,
}

function ofLora(name: string): Word {
  return (value, { tuning }) => (tuning === 'full' ? 'is for tuning lora and qlora' : number(name, value))
}

function numberWord([name, , trainers]: (typeof NUMBERS)[number]): Word {
  return (value, { method = 'sft' }) => {
    if (trainers.includes(method)) return number(name, value)
    return value === false ? {} : `Facet has it for ${trainers.join(', ')} only, not for ${method}`
  }
}

function warmup(value: number, { method = 'sft' }: Finetune): Fields | string {
  if (method === 'grpo') return value < 1 ? number('warmup_ratio', value) : 'Facet takes a part of the steps, below 1'
  return value === WARMUP_STEPS ? {} : `Facet warms up in ${WARMUP_STEPS} steps with ${method}; say so, or leave it out`
}

function inSnakeCase(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [snake(name), inSnakeCase(item)]))
}
