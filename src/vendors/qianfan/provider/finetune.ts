import type { Finetune } from '../../../schema/finetune.js'
import { type Fields, inWordsOf, type Translation, type Word, withOwn } from '../../../schema/finetune-words.js'
import { HYPERPARAMETERS, LORA, MODES, percentOf, TUNINGS } from '../finetune.js'

/** §3: `splitRatio` is 0 to 20 percent. */
const MOST_HELD_OUT = 0.2

/**
 * A fine-tune as job and task of Qianfan, by the table of ../finetune.ts. Method and tuning are always said, since their
 * defaults differ; numbers that are left out are the service's. The names of model and data may be another at Qianfan: where
 * `own` has them, these count.
 */
export function inQianfansWords(asked: Finetune, own: Fields): Translation {
  const { method = 'sft', tuning = 'lora', dataset, ...more } = asked
  const words: Record<string, Word> = { ...WORDS, ...(own.model === undefined ? {} : { baseModel: named }) }
  const data = own.datasetConfig as Fields | undefined
  if (data?.versions !== undefined) words['dataset.train'] = named
  const holdOut = dataset.holdOut ?? (data?.splitRatio === undefined ? 0 : undefined)
  const base = { method, tuning, dataset: { ...dataset, holdOut }, ...more }
  return withOwn(inWordsOf('Qianfan', base, words), own, 'qianfan')
}

/** What its own name at the service stands for. */
const named: Word = () => ({})

const WORDS: Record<string, Word> = {
  baseModel: (name: string) =>
    /^[./~$]/.test(name)
      ? 'is a folder; providerOptions.qianfan.model is the name of a model at Qianfan'
      : { model: name },
  method: (method: string, { dataset }) => {
    const [mode] =
      Object.entries(MODES).find(([, is]) => is.method === method && (is.format ?? '') === formatOf(dataset)) ?? []
    return mode === undefined ? 'Qianfan does sft and dpo' : { trainMode: mode }
  },
  tuning: (tuning: string) => {
    const [scale] = Object.entries(TUNINGS).find(([, is]) => is === tuning) ?? []
    return scale === undefined ? 'Qianfan does full and lora' : { parameterScale: scale }
  },
  'dataset.train': dataOf,
  'dataset.holdOut': (part: number) =>
    part > MOST_HELD_OUT
      ? `Qianfan holds out at most ${MOST_HELD_OUT}`
      : { datasetConfig: { splitRatio: percentOf(part) } },
  'dataset.evaluation': () => 'Qianfan evaluates on a part of the training data: use dataset.holdOut',
  'dataset.format': (format: string, { method }) =>
    format === 'text' && method === 'sft' ? {} : 'the data sets of Qianfan have a format of their own; leave it out',
  ...numbers(),
}

function formatOf({ format }: Finetune['dataset']): string {
  return format === 'text' ? format : ''
}

function dataOf(name: string): Fields | string {
  if (name.startsWith('ds-')) return { datasetConfig: { sourceType: 'Platform', versions: [{ versionId: name }] } }
  if (name.startsWith('bos:/')) return { datasetConfig: { sourceType: 'Bos', versions: [{ versionBosUri: name }] } }
  return 'is no data set of Qianfan (ds-… or bos:/…); name one in providerOptions.qianfan.datasetConfig'
}

function numbers(): Record<string, Word> {
  const words: Record<string, Word> = {}
  for (const [name, field] of Object.entries(HYPERPARAMETERS))
    words[`hyperparameters.${field}`] = (value) => ({ hyperParameterConfig: { [name]: value } })
  for (const [name, field] of Object.entries(LORA))
    words[`lora.${field}`] = (value, { tuning }) =>
      tuning === 'full' ? 'is for tuning lora' : { hyperParameterConfig: { [name]: value } }
  words['hyperparameters.warmup'] = (part: number) =>
    part >= 1
      ? 'Qianfan warms up for a part of the steps: expected below 1'
      : { hyperParameterConfig: { warmupRatio: part } }
  return words
}
