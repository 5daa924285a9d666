import { z } from 'zod'
import { AccountBase } from '../../providers/provider.js'
import { Finetune, Hyperparameters } from '../../schema/finetune.js'
import { JobSpec, providersOf } from '../../schema/job.js'
import { JobDefaults, mapPath, SecretName } from '../../schema/vendor-config.js'
import { NAMED } from './finetune.js'
import { BUILT_IN_MODEL, BUILT_IN_SUPPORT, RECIPE_SUPPORT } from './support.js'
import { ENDPOINT, type SupportTrainMode, SupportTrainMode as SupportTrainModeSchema } from './wire.js'

const accessKey = z.string().regex(/^[^/\s]{1,200}$/, 'expected an access key: no spaces and no slash')

/** One access key of a client, and the project whose jobs it sees and makes. */
export const Credential = z.strictObject({
  accessKey,
  secretKey: SecretName.describe('name of the secret that holds the secret key'),
  project: z.string().min(1).default('default'),
})

const unnamed = Object.entries(Hyperparameters.shape).filter(([name]) => !NAMED.has(name))
const { format } = Finetune.shape.dataset.shape

/** What a fine-tune by the recipe has beyond the words of the API. */
export const ModelFinetune = z.strictObject({
  baseModel: Finetune.shape.baseModel
    .optional()
    .describe('a folder of the hosts, or an id of the hub; default: the name'),
  tuning: z.enum(['lora', 'qlora']).optional().describe('what LoRA means'),
  format: format.describe('of the data for SFT; default: by their columns'),
  hyperparameters: z
    .strictObject(Object.fromEntries(unnamed))
    .optional()
    .describe('those for which the API has no name'),
  save: Finetune.shape.save,
  seed: Finetune.shape.seed,
  sample: Finetune.shape.sample,
})
export type ModelFinetune = z.output<typeof ModelFinetune>

/** What a base model means here: what runs, and what the support list says of it. */
export const Model = JobDefaults.extend({
  command: JobSpec.shape.command,
  finetune: ModelFinetune.optional().describe('instead of a command: the recipe of fine-tunes, on a host of our own'),
  modelType: z.enum(['text2text', 'text2image', 'imageUnderstanding']).default('text2text'),
  baseModel: z.string().min(1).optional(),
  support: z
    .array(SupportTrainModeSchema)
    .min(1)
    .optional()
    .describe('train modes, parameter scales and hyperparameters; default: the built-in ones'),
})
export type Model = z.output<typeof Model>

/** The beginning of addresses. */
const FOLDER = /^bos:\/.*\/$/
/** Any model that has no entry of its own. */
const ANY_MODEL = '*'

const PLACE = /^(\/.*|[A-Za-z0-9][\w.-]*\/[\w.-]+(:[\w.-]+)?)$/
const EXPECTED = 'expected an absolute path, or owner/name[:split] of the hub'
/** Addresses of the service and where they lie: a path, or for one that is no folder a data set of the hub. */
const Datasets = z.record(z.string().min(1), z.string().regex(PLACE, EXPECTED)).superRefine((datasets, context) => {
  for (const [address, place] of Object.entries(datasets)) {
    if (!FOLDER.test(address) || place.startsWith('/')) continue
    context.addIssue({ code: 'custom', path: [address], message: 'expected an absolute path, of a folder' })
  }
})

/** `gateway` of `vendors/qianfan.yaml`. */
export const QianfanGateway = z
  .strictObject({
    credentials: z.array(Credential).default([]),
    models: z.record(z.string().min(1), Model).default({}).describe('base model → what runs; * stands for any other'),
    datasets: Datasets.default({}).describe('`ds-…`, or the beginning of a `bos:/…` address → a file or folder'),
    defaults: JobDefaults.prefault({}).describe('for the jobs of all models'),
    strict: z.boolean().default(false).describe('refuse train modes and hyperparameters outside of the support list'),
    compatible: z
      .boolean()
      .default(false)
      .describe("for the SDK's own tests: names may repeat, tasks need no data set"),
    longestExpiry: z.int().min(1).default(86_400).describe('seconds that a signature counts at most (§12 #12)'),
  })
  .superRefine(checkModels)
export type QianfanGateway = z.output<typeof QianfanGateway>

/** One of `accounts` in `vendors/qianfan.yaml`. */
export const QianfanAccount = z.strictObject({
  ...AccountBase,
  accessKey,
  secretKey: SecretName.describe('name of the secret that holds the secret key'),
  securityToken: SecretName.optional().describe('name of the secret that holds an STS token'),
  endpoint: z.url().default(ENDPOINT),
})
export type QianfanAccount = z.output<typeof QianfanAccount>

/** In the place of what a task says. */
const SAMPLE = { baseModel: 'base', dataset: { train: '/data' } }
const isElsewhere = ({ name }: { name: string }) => name !== 'local'

/** Says at the start, and not at a client's first task, that a model has nothing to run. */
function checkModels(
  gateway: { models: Record<string, Model>; defaults: JobDefaults },
  context: z.RefinementCtx,
): void {
  for (const [name, model] of Object.entries(gateway.models)) {
    const { format: _, ...entry } = model.finetune ?? {}
    const given = model.finetune && { finetune: { ...SAMPLE, ...entry } }
    const result = JobSpec.safeParse({ ...specOf(gateway, model), ...given })
    if (model.finetune && providersOf({ provider: specOf(gateway, model).provider ?? 'local' }).some(isElsewhere))
      context.addIssue({ code: 'custom', path: ['models', name, 'finetune'], message: 'is for the provider local' })
    for (const issue of result.error?.issues ?? []) {
      const message = issue.path[0] === 'command' ? `${issue.message}, or finetune for the recipe` : issue.message
      context.addIssue({ code: 'custom', path: ['models', name, ...issue.path], message })
    }
  }
}

/** The job that a model means, before a task's own fields; the model's keys win over the defaults of all models. */
export function specOf({ defaults }: { defaults: JobDefaults }, model: Model) {
  const { modelType: _, baseModel: __, support: ___, finetune: ____, ...own } = model
  return {
    name: 'qianfan',
    ...defaults,
    ...own,
    env: { ...defaults.env, ...own.env },
    tags: { ...defaults.tags, ...own.tags },
  }
}

export function modelOf(gateway: QianfanGateway, name: string): Model | undefined {
  return ownValue(gateway.models, name) ?? gateway.models[ANY_MODEL]
}

export function supportOf(model: Model | undefined): readonly SupportTrainMode[] {
  return model?.support ?? (model?.finetune ? RECIPE_SUPPORT : BUILT_IN_SUPPORT)
}

/** The names of the support list: what has an entry, and the built-in one where any model would do, or none is named yet. */
export function modelNames(gateway: QianfanGateway): string[] {
  const named = Object.keys(gateway.models).filter((name) => name !== ANY_MODEL)
  const isOpen = ANY_MODEL in gateway.models || named.length === 0
  return isOpen ? [...new Set([...named, BUILT_IN_MODEL])] : named
}

/** The local path of `ds-…` or `bos:/…`; undefined where the file names none. */
export function datasetPath({ datasets }: QianfanGateway, address: string): string | undefined {
  const exact = ownValue(datasets, address)
  if (exact !== undefined) return exact
  const folders = Object.entries(datasets).filter(([beginning]) => FOLDER.test(beginning))
  return address.startsWith('bos:/') ? mapPath(Object.fromEntries(folders), address) : undefined
}

function ownValue<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
