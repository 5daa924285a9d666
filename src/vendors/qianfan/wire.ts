import { z } from 'zod'

/** The wire of Qianfan's fine-tuning V2 (reference/qianfan-finetune.md §1–§6), written once for both directions. */

export const ROUTE = '/v2/finetuning'
export const ENDPOINT = 'https://qianfan.baidubce.com'
/** A date that has not come yet (§4). */
export const NO_DATE = '0000-00-00T00:00:00Z'

export const ACTIONS = [
  'CreateFineTuningJob',
  'CreateFineTuningTask',
  'DescribeFineTuningJobs',
  'DescribeFineTuningTasks',
  'DescribeFineTuningTask',
  'StopFineTuningTask',
  'DeleteFineTuningTask',
  'DeleteFineTuningJob',
  'DescribeFineTuningSupportModels',
] as const
export type Action = (typeof ACTIONS)[number]

/** §5. A client's trainer fails on any other word, so nothing else may be sent. */
export const RUN_STATUS = ['Waiting', 'Running', 'Done', 'Failed', 'Stopped'] as const
export type RunStatus = (typeof RUN_STATUS)[number]

/** §3; RFT is offered by the console. */
export const TRAIN_MODES = ['SFT', 'PostPretrain', 'DPO', 'KTO', 'RFT'] as const
export const PARAMETER_SCALES = ['FullFineTuning', 'LoRA', 'PromptTuning'] as const
export const SOURCE_TYPES = ['Platform', 'Bos', 'Afs'] as const

/** Page sizes (§3, "Paging"). */
export const DEFAULT_PAGE = 10
export const LARGEST_PAGE = 100

/** The codes of §6 that we send or tell apart. */
export const CODES = {
  inappropriate: 'InappropriateJSON',
  malformed: 'MalformedJSON',
  badRequest: 'InvalidHTTPRequest',
  badUri: 'InvalidURI',
  badMarker: 'InvalidMarker',
  badAuthorization: 'InvalidHTTPAuthHeader',
  badSignature: 'SignatureDoesNotMatch',
  expired: 'RequestExpired',
  denied: 'AccessDenied',
  unknownKey: 'InvalidAccessKeyId',
  mismatch: 'IdempotentParameterMismatch',
  internal: 'InternalError',
} as const

/** No service sends a NUL, and neither PostgreSQL nor an environment can hold one. */
const text = z.string().refine((value) => !value.includes('\0'), 'must not contain a NUL character')
/** Fields that may be left out or null, which mean the same. */
function maybe<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined)
}
const object = z.record(z.string(), z.unknown())

/** §3, `CreateFineTuningJob`. Unknown keys are ignored (§1). */
export const CreateJob = z.object({
  name: text.min(2).max(20),
  description: maybe(text.max(500)),
  model: text.min(1).max(200),
  trainMode: z.enum(TRAIN_MODES),
})
export type CreateJob = z.output<typeof CreateJob>

/** One data set of a task; which of the two addresses is asked for follows from `sourceType`. */
export const DatasetVersion = z.looseObject({
  versionId: maybe(text.min(1).max(200)),
  versionBosUri: maybe(text.min(1).max(2000)),
  samplingRate: maybe(z.number().min(0.01).max(10)),
})
export type DatasetVersion = z.output<typeof DatasetVersion>

/** §3, `datasetConfig`, with the ranges that the documents of the service give. */
export const DatasetConfig = z.looseObject({
  sourceType: z.enum(SOURCE_TYPES),
  versions: z.array(DatasetVersion).min(1).max(1000),
  splitRatio: z.number().min(0).max(20),
})

/** §3, `CreateFineTuningTask`, without the job that it belongs to. */
export const TaskFields = {
  parameterScale: maybe(z.enum(PARAMETER_SCALES)),
  hyperParameterConfig: object,
  incrementTaskId: maybe(text.min(1).max(200)),
  incrementCheckpointStep: maybe(z.int().min(0)),
  corpusConfig: maybe(object),
  modelConfig: maybe(object),
  resourceConfig: maybe(object),
}

/** As our facade reads it: a split ratio of 0–100, as the SDK's mock wants it (§12 #6). */
export const CreateTask = z.object({
  ...TaskFields,
  jobId: text.min(1),
  datasetConfig: DatasetConfig.extend({
    versions: z.array(DatasetVersion).max(1000).default([]),
    splitRatio: z.number().min(0).max(100),
  }),
})
export type CreateTask = z.output<typeof CreateTask>

export const TaskRef = z.object({ taskId: text.min(1) })
export const JobRef = z.object({ jobId: text.min(1) })

const page = {
  marker: maybe(z.unknown()),
  maxKeys: maybe(z.int().min(1)),
  pageReverse: maybe(z.boolean()),
}
/** Python sends the filter as `trainModel` (§8); `trainMode` wins (§12 #15). */
export const ListJobs = z.object({ ...page, trainMode: maybe(text), trainModel: maybe(text), model: maybe(text) })
export const ListTasks = z.object({ ...page, jobId: text.min(1) })

/** §4: what a parameter may be, as clients check it before they send. */
export const Hyperparameter = z.strictObject({
  key: z.string().min(1),
  name: z.string().optional(),
  description: z.string().optional(),
  type: z.enum(['int', 'float', 'boolean', 'string']),
  checkType: z.enum(['range', 'choice', 'mult_choice']),
  checkValue: z.array(z.union([z.number(), z.string(), z.boolean()])).min(1),
  default: z.union([z.number(), z.string(), z.boolean(), z.array(z.string())]),
})
export type Hyperparameter = z.output<typeof Hyperparameter>

export const SupportTrainMode = z.strictObject({
  trainMode: z.enum(TRAIN_MODES),
  supportParameterScale: z
    .array(
      z.strictObject({
        parameterScale: z.enum(PARAMETER_SCALES),
        supportHyperParameterConfig: z.array(Hyperparameter),
      }),
    )
    .min(1),
})
export type SupportTrainMode = z.output<typeof SupportTrainMode>

/** A reply as a client reads it: the fields that it needs, everything else as it comes. */
export const Reply = z.looseObject({
  requestId: z.string().optional(),
  code: z.unknown().optional(),
  message: z.unknown().optional(),
  error_code: z.unknown().optional(),
  error_msg: z.unknown().optional(),
  result: z.unknown().optional(),
})
export type Reply = z.output<typeof Reply>

const PageInfo = z.looseObject({ isTruncated: z.boolean().optional(), nextMarker: z.string().nullish() })
export type PageInfo = z.output<typeof PageInfo>
const pageInfo = PageInfo.optional()
export const JobPage = z.looseObject({
  jobList: z.array(z.looseObject({ jobId: z.string(), name: z.string().optional() })),
  pageInfo,
})
export const TaskPage = z.looseObject({ taskList: z.array(z.looseObject({ taskId: z.string() })), pageInfo })
export const TaskDetail = z.looseObject({
  taskId: z.string().optional(),
  jobId: z.string().optional(),
  trainMode: z.string().optional(),
  runStatus: z.string(),
  runProgress: z.unknown().optional(),
  vdlLink: z.unknown().optional(),
  metrics: z.unknown().optional(),
  checkpointList: z.unknown().optional(),
})
export type TaskDetail = z.output<typeof TaskDetail>
