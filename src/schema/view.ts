import { z } from 'zod'
import { ARTIFACT_STATES } from './artifact.js'
import { GROUP_KINDS } from './group.js'
import { JobSpec, PROVIDERS } from './job.js'
import { METRIC_SOURCES, MetricValue, SKIP_NAMES } from './metric.js'
import { REASONS } from './outcome.js'
import { STATES } from './state.js'
import { WARNED_LIMITS } from './warning.js'

const time = z.iso.datetime().describe('ISO 8601, UTC')
const ms = z.number().describe('milliseconds')

export const OutcomeView = z
  .object({
    reason: z.enum(REASONS),
    message: z.string(),
    exitCode: z.int().optional().describe('of the process, where known'),
  })
  .meta({ id: 'Outcome' })

/** Design §3: kept and shown apart. Backoff between attempts stands in none of them. */
export const Clocks = z
  .object({ queuedMs: ms, setupMs: ms, pendingMs: ms, runningMs: ms, savingMs: ms })
  .meta({ id: 'Clocks' })
export type Clocks = z.infer<typeof Clocks>

/** What is known of a run at another service, in that service's words. */
export const RemoteView = z
  .object({
    id: z.string().nullable().describe("the service's id of the run; null until it has taken it"),
    status: z.string().nullable(),
    progress: z.number().nullable().describe('0 to 1'),
    links: z.record(z.string(), z.string()).describe('pages and results to look at'),
    metrics: z.record(z.string(), z.unknown()),
    trouble: z.string().nullable().describe('why it cannot be reached, or will not do what it is asked, at present'),
  })
  .meta({ id: 'RemoteRun' })
export type RemoteView = z.infer<typeof RemoteView>

/** One of several: an attempt on one host has none. */
export const RankView = z
  .object({
    rank: z.int(),
    host: z.string(),
    devices: z.array(z.string()),
    pid: z.int().nullable(),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    exitCode: z.int().nullable().describe('of its process, where known'),
    end: z.string().nullable().describe('in words, how it ended; null while it has not'),
  })
  .meta({ id: 'Rank' })
export type RankView = z.infer<typeof RankView>

const costs = {
  currency: z.string().nullable().describe('null: no price was set when it was granted'),
  amount: z.number().nullable().describe('in that currency; null: no price'),
  deviceHours: z.number(),
  lostAmount: z.number().nullable().describe('for work that had to be done again; null: not known, or no price'),
  lostDeviceHours: z.number().nullable(),
  attempts: z.int(),
  open: z.int().describe('attempts that still hold their devices, so that this is only so far'),
}
export const CostView = z.object(costs).meta({ id: 'Cost' })
export type CostView = z.infer<typeof CostView>
export const CostRowView = z
  .object({ key: z.string().nullable().describe('null: jobs without that tag'), ...costs })
  .meta({ id: 'CostRow' })
export type CostRowView = z.infer<typeof CostRowView>
export const PriceView = z
  .object({
    kind: z.enum(['pool', 'provider']),
    name: z.string(),
    amount: z.number().describe('per device-hour'),
    currency: z.string(),
    since: time,
  })
  .meta({ id: 'Price' })
export type PriceView = z.infer<typeof PriceView>

export const AttemptView = z
  .object({
    number: z.int(),
    provider: z.enum(PROVIDERS),
    host: z.string().nullable().describe('of several, that of rank 0'),
    ranks: z.array(RankView).describe('of an attempt on several hosts; empty for one'),
    remote: RemoteView.nullable().describe('of an attempt at another service'),
    devices: z.array(z.string()),
    pid: z.int().nullable().describe('process id of the training on its host; of several, that of rank 0'),
    queuedAt: time,
    grantedAt: time.nullable(),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    resumedFrom: z.string().nullable(),
    checkpoint: z.string().nullable().describe('last checkpoint that was committed: declared, complete or quiet'),
    lostMs: ms
      .nullable()
      .describe('running time that the attempt after it had to do again; null while none has gone on'),
    setupCached: z.boolean(),
    stopCause: z.string().nullable(),
    outcome: OutcomeView.nullable(),
    clocks: Clocks,
    cost: CostView.nullable().describe('null before it held anything'),
  })
  .meta({ id: 'Attempt' })
export type AttemptView = z.infer<typeof AttemptView>

/** How far a job is, as its process says. */
export const ProgressView = z
  .object({
    step: z.int(),
    total: z.int().nullable().describe('null: not known'),
    secondsLeft: z.int().nullable().describe('null: not known, or it does not run'),
  })
  .meta({ id: 'Progress' })
export type ProgressView = z.infer<typeof ProgressView>

const summary = {
  id: z.string(),
  name: z.string(),
  project: z.string(),
  state: z.enum(STATES),
  outcome: OutcomeView.nullable(),
  pool: z.string(),
  priority: z.int(),
  attempt: z.int().describe('number of the current attempt; 0 before the first'),
  tags: z.record(z.string(), z.string()),
  progress: ProgressView.nullable().describe('null: it has said nothing of it'),
  createdAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
}

export const JobSummary = z.object(summary).meta({ id: 'JobSummary' })
export type JobSummary = z.infer<typeof JobSummary>

/** Why a job in a queue has no device yet, for programs; `waitingFor` says it in words. */
export const QUEUE_REASONS = ['no_host', 'withheld', 'never_fits', 'behind_others', 'not_enough_free', 'quota'] as const
export const Standing = z
  .object({
    pool: z.string(),
    position: z.int().describe('1 is next'),
    reason: z.enum(QUEUE_REASONS),
    nodes: z.int().describe('hosts that it needs'),
    devices: z.int().describe('that it needs on each host'),
    largestFreeBlock: z.int().describe('fitting devices that are free on one host; of several, on each of as many'),
    hostsFree: z.int().describe('hosts that have so many fitting devices free'),
    quota: z
      .object({
        project: z.string(),
        user: z.string().nullable(),
        pool: z.string().nullable(),
        limit: z.enum(['devices', 'running']),
        max: z.int(),
        used: z.int(),
      })
      .nullable()
      .describe('of reason quota: what keeps it from starting'),
  })
  .meta({ id: 'Standing' })
export type Standing = z.infer<typeof Standing>

/** A limit of which 80 % have passed, of a clock that still runs. */
export const NearLimit = z.object({ limit: z.enum(WARNED_LIMITS), deadline: time }).meta({ id: 'NearLimit' })
export type NearLimit = z.infer<typeof NearLimit>

export const JobGroupView = z
  .object({
    id: z.string(),
    kind: z.enum(GROUP_KINDS),
    name: z.string(),
    key: z.string().describe('as which of its members: the name of the step, the number of the trial'),
  })
  .meta({ id: 'JobGroup' })
/** What a job takes from the outputs of another. */
export const InputView = z
  .object({
    key: z.string(),
    jobId: z.string().describe('whose outputs they are'),
    attempt: z.int().nullable().describe('null while that job has not ended'),
    path: z.string().describe('of the file or folder; empty: all outputs'),
    artifact: z.string().nullable().describe('name and version that it was asked for by, such as support-bot@3'),
    state: z.enum(['waiting', 'ready', 'failed']),
    problem: z.string().nullable().describe('why it will never come'),
  })
  .meta({ id: 'TakenInput' })
export type InputView = z.infer<typeof InputView>

/** One page of what an attempt has put out. */
export const ArtifactView = z
  .object({
    jobId: z.string(),
    attempt: z.int(),
    attempts: z.array(z.int()).describe('those that have put something out'),
    state: z.enum(ARTIFACT_STATES).nullable().describe('null: nothing was written, or it has not ended'),
    problem: z.string().nullable(),
    files: z.int().describe('that are kept, on all pages'),
    bytes: z.number(),
    leftOut: z.int().describe('that were found and are not kept'),
    cut: z.array(z.string()).describe('what of the whole folder was left out, in words'),
    expiresAt: time.nullable().describe('when they are removed but for what is needed; null: never by themselves'),
    entries: z.array(
      z.object({
        path: z.string(),
        size: z.number().describe('bytes'),
        sha256: z.string().nullable().describe('null: it is not kept, for the reason in note'),
        mode: z.int().describe('permission bits'),
        modifiedAt: time,
        note: z.string().nullable(),
      }),
    ),
    next: z.string().nullable().describe('`after` of the next page'),
  })
  .meta({ id: 'Artifacts' })
export type ArtifactView = z.infer<typeof ArtifactView>

export const VersionView = z
  .object({
    version: z.int(),
    jobId: z.string(),
    attempt: z.int(),
    path: z.string().describe('of the file or folder; empty: all outputs'),
    files: z.int(),
    bytes: z.number(),
    by: z.string(),
    at: time,
    removedAt: time.nullable().describe('null: it is there'),
  })
  .meta({ id: 'ArtifactVersion' })
export const NamedArtifactView = z
  .object({
    name: z.string(),
    current: VersionView.nullable().describe(
      'what the name means now; null where it was asked without a tag and has no latest',
    ),
    tags: z.array(z.object({ tag: z.string(), version: z.int() })),
    versions: z.array(VersionView).describe('newest first'),
    moves: z
      .array(z.object({ tag: z.string(), version: z.int().describe('0: taken away'), by: z.string(), at: time }))
      .describe('newest first'),
  })
  .meta({ id: 'NamedArtifact' })
export type NamedArtifactView = z.infer<typeof NamedArtifactView>
export const NameSummary = z
  .object({
    name: z.string(),
    versions: z.int(),
    tags: z.array(z.object({ tag: z.string(), version: z.int() })),
    promotedAt: time,
  })
  .meta({ id: 'ArtifactName' })
export type NameSummary = z.infer<typeof NameSummary>

export const JobView = z
  .object({
    ...summary,
    stopWanted: z.boolean(),
    position: z.int().nullable().describe('place in the queue of the pool, 1 is next; null when not waiting there'),
    standing: Standing.nullable().describe('in the queue of its pool; null when not waiting there'),
    waitingFor: z.string().nullable().describe('in words, why it is not running'),
    backoffUntil: time.nullable(),
    nearLimits: z.array(NearLimit).describe('of which 80 % have passed'),
    retryOf: z.string().nullable(),
    group: JobGroupView.nullable().describe('the pipeline or sweep that it belongs to'),
    artifactsState: z
      .enum(ARTIFACT_STATES)
      .nullable()
      .describe('of the outputs of the current attempt; null: none were written, or it has not ended'),
    inputs: z.array(InputView).describe('what it takes from the outputs of other jobs'),
    scheduleId: z.string().nullable().describe('the schedule that submitted it'),
    template: z.string().nullable().describe('name@version of the template that it was made from'),
    createdBy: z.string(),
    clocks: Clocks,
    cost: z.array(CostView).describe('of all attempts, one entry for each currency'),
    attempts: z.array(AttemptView),
    spec: JobSpec,
  })
  .meta({ id: 'Job' })
export type JobView = z.infer<typeof JobView>

export const EventView = z
  .object({
    seq: z.int(),
    jobId: z.string(),
    attempt: z.int().nullable(),
    at: time,
    type: z.string(),
    actor: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event' })
export type EventView = z.infer<typeof EventView>

export const StreamView = z
  .object({ attempt: z.int(), stream: z.string(), end: z.int().describe('bytes stored'), final: z.boolean() })
  .meta({ id: 'LogStream' })
export type StreamView = z.infer<typeof StreamView>

const step = z.int().nullable().describe('null: none was given')
const extreme = z.object({ value: z.number(), step, attempt: z.int() })

/** One metric of a job, over all its attempts. */
export const MetricSeriesView = z
  .object({
    name: z.string(),
    source: z.enum(METRIC_SOURCES),
    count: z.int().describe('points that are kept'),
    notFinite: z.int().describe('of them NaN or infinite'),
    outOfOrder: z.int().describe('of them with a step that is not above all before in its attempt'),
    attempts: z.array(z.int()),
    counts: z.array(z.int()).describe('points of each of these attempts'),
    last: z.object({ value: MetricValue, step, attempt: z.int() }),
    lastAt: time,
    min: extreme.nullable().describe('of the finite values; null: there is none'),
    max: extreme.nullable(),
  })
  .meta({ id: 'MetricSeries' })
export type MetricSeriesView = z.infer<typeof MetricSeriesView>

export const MetricList = z
  .object({
    series: z.array(MetricSeriesView),
    skipped: z.array(z.object({ why: z.enum(SKIP_NAMES), count: z.int() })).describe('what was not kept'),
    progress: ProgressView.nullable(),
    final: z.boolean().describe('the job has ended, and all that its last attempt reported is here'),
  })
  .meta({ id: 'MetricList' })
export type MetricList = z.infer<typeof MetricList>

/** Points of one metric, as columns of equal length, in the order of the attempts and of their reports. */
export const MetricCurve = z
  .object({
    name: z.string(),
    attempts: z.array(z.int()),
    steps: z.array(step),
    at: z.array(z.number()).describe('epoch milliseconds'),
    values: z.array(MetricValue),
  })
  .meta({ id: 'MetricCurve' })
export type MetricCurve = z.infer<typeof MetricCurve>

export const DeviceView = z.object({
  uuid: z.string(),
  kind: z.string(),
  model: z.string(),
  memoryBytes: z.number().nullable(),
  state: z.string(),
  note: z.string().nullable(),
  heldBy: z.object({ jobId: z.string(), attempt: z.int() }).nullable(),
})
export const HostView = z
  .object({
    id: z.string(),
    name: z.string(),
    pool: z.string(),
    connected: z.boolean(),
    admission: z.enum(['open', 'draining', 'removed']).describe('whether new attempts are placed there'),
    lastSeenAt: time,
    version: z.string(),
    containment: z.string().describe('cgroup and pid_namespace promise the whole tree, best_effort does not'),
    enforces: z
      .object({ cpus: z.boolean(), memory: z.boolean() })
      .describe("limits of a job that the host's kernel keeps; the others are only counted"),
    cpus: z.number(),
    memoryBytes: z.number(),
    diskFreeBytes: z.number(),
    address: z.string().describe('where the other hosts of an attempt reach it'),
    labels: z.record(z.string(), z.string()).describe('what its operator says of it'),
    devices: z.array(DeviceView),
  })
  .meta({ id: 'Host' })
export type HostView = z.infer<typeof HostView>

export const QueueEntry = z
  .object({
    position: z.int(),
    jobId: z.string(),
    name: z.string(),
    attempt: z.int(),
    priority: z.int(),
    nodes: z.int(),
    devices: z.int().describe('on each node'),
    queuedAt: time,
  })
  .meta({ id: 'QueueEntry' })
export type QueueEntry = z.infer<typeof QueueEntry>
export const PoolView = z
  .object({
    name: z.string(),
    onSilence: z
      .enum(['wait', 'fence'])
      .describe('whether a job whose host is silent waits for it, or goes on elsewhere'),
    preempts: z.boolean().describe('running jobs of lower priority give way to the head of the queue'),
    hosts: z.int(),
    devices: z.int(),
    free: z.int(),
    waiting: z.int(),
  })
  .meta({ id: 'Pool' })
export type PoolView = z.infer<typeof PoolView>

export const QuotaView = z
  .object({
    project: z.string(),
    user: z.string().nullable().describe('who submits, as a job says it; null: all users together'),
    pool: z.string().nullable().describe('null: all pools together'),
    devices: z.int().nullable().describe('held at once; null: no limit'),
    running: z.int().nullable().describe('attempts at once that hold a place on a host'),
    queued: z.int().nullable().describe('jobs at once that have not ended'),
    used: z.object({ devices: z.int(), running: z.int(), queued: z.int() }),
  })
  .meta({ id: 'Quota' })
export type QuotaView = z.infer<typeof QuotaView>

/** What would become of a job if it were submitted now. */
export const PlanView = z
  .object({
    fits: z.boolean().describe('the hosts of the pool could hold it'),
    host: z.string().nullable().describe('where it would start at once; of several, that of rank 0'),
    hosts: z.array(z.string()).describe('where each rank would start at once'),
    position: z.int().describe('in the queue of the pool; 1 is next'),
    startsBy: time.nullable().describe('at the latest, by the limits of what runs now; null: nobody knows'),
    largestHost: z.object({ devices: z.int(), cpus: z.number(), memoryBytes: z.number() }).nullable(),
    shortOf: z.array(z.enum(['hosts', 'devices', 'gpuType', 'cpus', 'memory'])).describe('what runs out first'),
  })
  .meta({ id: 'Plan' })
export type PlanView = z.infer<typeof PlanView>

export const TokenView = z
  .object({
    id: z.string(),
    role: z.enum(['admin', 'user', 'viewer', 'host']),
    project: z.string(),
    hostId: z.string().nullable().describe('of role host: the one host that speaks with it, once it has'),
    createdAt: time,
    expiresAt: time.nullable(),
  })
  .meta({ id: 'Token' })
export type TokenView = z.infer<typeof TokenView>

/** RFC 9457 problem, with our code and what to do next. */
export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    next: z.string().optional(),
    problems: z
      .array(
        z.object({
          path: z.string(),
          message: z.string(),
          value: z.unknown().optional(),
          expected: z.string().optional(),
        }),
      )
      .optional(),
  })
  .loose()
  .meta({ id: 'Problem' })
export type ProblemBody = z.infer<typeof ProblemBody>
