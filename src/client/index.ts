import { setTimeout as delay } from 'node:timers/promises'
import openapiFetch, { type Client as OpenapiClient } from 'openapi-fetch'
import { parseServers, Servers } from '../schema/servers.js'
import type { components, operations, paths } from './api.js'
import { type Event, type FollowLogsOptions, followEvents, followLogs, type LogEnd, type LogPiece } from './follow.js'
import { readAcross } from './read-log.js'
import { fetchBy, newSend, type OnWait, PATIENCE } from './request.js'
import { type FollowOptions, untilAnswered } from './server-events.js'
import { sendBlob, type UploadOptions } from './upload.js'

export { Failure, type FailureCode, failureCode, type Problem } from '../schema/failure.js'
export type { components, operations, paths } from './api.js'
export type { Event, FollowLogsOptions, LogEnd, LogPiece } from './follow.js'
export type { OnWait } from './request.js'
export type { FollowOptions, OnBreak } from './server-events.js'
export type { UploadOptions } from './upload.js'

type Schemas = components['schemas']
export type Http = OpenapiClient<paths>
export type Job = Schemas['Job']
export type JobSpec = Schemas['JobSpecInput']
export type JobSummary = Schemas['JobSummary']
export type Attempt = Schemas['Attempt']
export type Outcome = Schemas['Outcome']
export type LogStream = Schemas['LogStream']
export type MetricList = Schemas['MetricList']
export type MetricSeries = Schemas['MetricSeries']
export type MetricCurve = Schemas['MetricCurve']
export type MetricQuery = NonNullable<operations['readMetric']['parameters']['query']>
export type MetricExport = operations['exportMetrics']['parameters']['query']
export type Host = Schemas['Host']
export type Plan = Schemas['Plan']
export type Token = Schemas['Token']
export type Pool = Schemas['Pool']
export type QueueEntry = Schemas['QueueEntry']
export type Quota = Schemas['Quota']
export type QuotaKey = { project: string; user?: string; pool?: string }
export type Price = Schemas['Price']
export type Cost = Schemas['CostRow']
export type CostQuery = NonNullable<operations['listCosts']['parameters']['query']>
export type Service = Schemas['Service']
export type CreatedService = Schemas['CreatedService']
export type ServiceDescription = NonNullable<operations['createService']['requestBody']>['content']['application/json']
export type Pipeline = Schemas['Pipeline']
export type PipelineSummary = Schemas['PipelineSummary']
export type PipelineSpec = Schemas['PipelineSpecInput']
export type PipelineStep = Schemas['Step']
export type PipelinePlan = Schemas['PipelinePlan']
export type PipelineFilter = NonNullable<operations['listPipelines']['parameters']['query']>
export type Sweep = Schemas['Sweep']
export type SweepSummary = Schemas['SweepSummary']
export type Trial = Schemas['Trial']
export type SweepPlan = Schemas['SweepPlan']
export type SweepSpec = Schemas['SweepSpecInput']
export type ArraySpec = Schemas['ArraySpecInput']
export type TrialFilter = NonNullable<operations['listTrials']['parameters']['query']>
export type Artifacts = Schemas['Artifacts']
export type ArtifactName = Schemas['ArtifactName']
export type NamedArtifact = Schemas['NamedArtifact']
export type Schedule = Schemas['Schedule']
export type ScheduleInput = Schemas['NewScheduleInput']
export type ScheduleChange = NonNullable<operations['updateSchedule']['requestBody']>['content']['application/json']
export type SchedulePlan = Schemas['SchedulePlan']
export type Template = Schemas['Template']
export type NewTemplate = Schemas['NewTemplateInput']
export type Webhook = Schemas['Webhook']
export type CreatedWebhook = Schemas['CreatedWebhook']
export type NewWebhook = NonNullable<operations['createWebhook']['requestBody']>['content']['application/json']
export type Fire = Schemas['Fire']
export type JobFilter = NonNullable<operations['listJobs']['parameters']['query']>

export interface ClientOptions {
  /** Such as `http://127.0.0.1:7480`; the servers of one installation with commas between them. */
  url: string
  token: string
  /**
   * Milliseconds that a call waits for a server that is away, such as during its restart, before it fails. Only calls
   * that may be sent twice wait. Default 5 s.
   */
  patience?: number | undefined
  onWait?: OnWait | undefined
}

const ID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** A client of one installation. `ref` is an id, a unique prefix of one, or a name, which means the newest job of that name. */
export type Client = ReturnType<typeof createClient>

/**
 * Calls to one installation, typed by its OpenAPI document. What a server refuses is thrown as a `Failure` with its code,
 * its next step and its problems; servers that do not answer as `unavailable`.
 */
export function createClient({ url, token, patience = PATIENCE, onWait }: ClientOptions) {
  const servers = new Servers(parseServers(url))
  const [baseUrl = ''] = servers.urls
  const send = newSend({ servers, token, patience, onWait })
  /** Every route of the document, by method and path. */
  const http: Http = openapiFetch<paths>({ baseUrl, fetch: fetchBy(send) })
  /** For followers, which wait by themselves. */
  const follower: Http = openapiFetch<paths>({ baseUrl, fetch: fetchBy(newSend({ servers, token, patience: 0 })) })
  const path = (ref: string) => ({ params: { path: { ref } } })
  const showJob = async (ref: string): Promise<Job> => of(await http.GET('/api/v1/jobs/{ref}', path(ref)))
  const showSweep = async (ref: string): Promise<Sweep> => of(await http.GET('/api/v1/sweeps/{ref}', path(ref)))
  /** Settled once, so that a follower stays with its job when a newer one takes the name. */
  const idOf = async (ref: string, options: FollowOptions): Promise<string> =>
    ID.test(ref) ? ref : (await untilAnswered(() => showJob(ref), options)).id

  return {
    url,
    http,
    showJob,

    /** Submits; with the same key and the same description it gives the same job (`existed`), so it is safe to repeat. */
    async submitJob(spec: JobSpec, key: string = crypto.randomUUID()): Promise<{ job: Job; existed: boolean }> {
      const headers = { 'idempotency-key': key }
      const { data, response } = await http.POST('/api/v1/jobs', { body: spec as never, params: { header: headers } })
      return { job: data as Job, existed: response.status === 200 }
    },

    /** A new job like an ended one, which inherits its checkpoints. Safe to repeat with the same key. */
    async retryJob(ref: string, key: string = crypto.randomUUID()): Promise<Job> {
      const params = { path: { ref }, header: { 'idempotency-key': key } }
      return of(await http.POST('/api/v1/jobs/{ref}/retry', { params }))
    },

    /** Wants the job stopped; returns at once. `force` leaves no grace, and closes the job of a silent host. */
    async stopJob(ref: string, { force = false } = {}): Promise<Job> {
      return of(await http.POST('/api/v1/jobs/{ref}/stop', { ...path(ref), body: { force } }))
    },

    /** Changes the place in the queue at once; 0–100, higher first. */
    async changePriority(ref: string, priority: number): Promise<Job> {
      return of(await http.POST('/api/v1/jobs/{ref}/priority', { ...path(ref), body: { priority } }))
    },

    /** Gives a job more time: durations such as `4h`, added to the limits that it has. */
    async extendLimits(ref: string, more: { queue?: string; run?: string; total?: string }): Promise<Job> {
      return of(await http.POST('/api/v1/jobs/{ref}/extend', { ...path(ref), body: more }))
    },

    /** Lets a job hold nothing until it is resumed; what runs is stopped with its grace and does not count. */
    async pauseJob(ref: string): Promise<Job> {
      return of(await http.POST('/api/v1/jobs/{ref}/pause', path(ref)))
    },

    async resumeJob(ref: string): Promise<Job> {
      return of(await http.POST('/api/v1/jobs/{ref}/resume', path(ref)))
    },

    /** What would become of a job if it were submitted now. */
    async planJob(spec: JobSpec): Promise<Plan> {
      return of(await http.POST('/api/v1/jobs/plan', { body: spec as never }))
    },

    /** One page, newest first; `next` is the `cursor` of the page after it. */
    async listJobs(query: JobFilter = {}): Promise<{ jobs: JobSummary[]; next: string | null }> {
      return of(await http.GET('/api/v1/jobs', { params: { query } }))
    },

    /** Submits a graph of jobs; with the same key and the same description it gives the same one. */
    async submitPipeline(
      spec: PipelineSpec,
      key: string = crypto.randomUUID(),
    ): Promise<{ pipeline: Pipeline; existed: boolean }> {
      const params = { header: { 'idempotency-key': key } }
      const { data, response } = await http.POST('/api/v1/pipelines', { body: spec as never, params })
      return { pipeline: data as Pipeline, existed: response.status === 200 }
    },

    /** What a pipeline would run; nothing is written. */
    async planPipeline(spec: PipelineSpec): Promise<PipelinePlan> {
      return of(await http.POST('/api/v1/pipelines/plan', { body: spec as never }))
    },

    /** One page, newest first; `next` is the `cursor` of the page after it. */
    async listPipelines(query: PipelineFilter = {}): Promise<{ pipelines: PipelineSummary[]; next: string | null }> {
      return of(await http.GET('/api/v1/pipelines', { params: { query } }))
    },

    async showPipeline(ref: string): Promise<Pipeline> {
      return of(await http.GET('/api/v1/pipelines/{ref}', path(ref)))
    },

    /** Wants it stopped: its jobs are, and no other begins. */
    async stopPipeline(ref: string): Promise<Pipeline> {
      return of(await http.POST('/api/v1/pipelines/{ref}/stop', path(ref)))
    },

    /** Lets one that has ended go on with the steps that are not completed, as `pipeline` describes them from now on. */
    async resumePipeline(ref: string, pipeline?: PipelineSpec): Promise<Pipeline> {
      const body = (pipeline === undefined ? {} : { pipeline }) as never
      return of(await http.POST('/api/v1/pipelines/{ref}/resume', { ...path(ref), body }))
    },

    /** Answers a gate; without `step` the one that waits. */
    async answerGate(ref: string, answer: { step?: string; deny?: boolean; reason?: string }): Promise<Pipeline> {
      return of(await http.POST('/api/v1/pipelines/{ref}/approve', { ...path(ref), body: answer as never }))
    },

    /** One page of the timeline after entry `after`, oldest first. */
    async listEvents(ref: string, query: { after?: number; limit?: number } = {}): Promise<Event[]> {
      return of(await http.GET('/api/v1/jobs/{ref}/events', { params: { path: { ref }, query } })).events
    },

    /** The timeline as it goes on, until the job has ended. Connects again by itself, like `followLogs`. */
    async *followEvents(ref: string, options: FollowOptions & { after?: number } = {}): AsyncGenerator<Event> {
      yield* followEvents(follower, await idOf(ref, options), options)
    },

    /** The streams that there are, in the order of the attempts. */
    async listLogs(ref: string): Promise<LogStream[]> {
      return of(await http.GET('/api/v1/jobs/{ref}/logs', path(ref))).streams
    },

    /** The bytes that are stored of one stream. By the whole id of a job, breaks of the connection are bridged. */
    async readLog(ref: string, attempt: number, stream: string): Promise<ReadableStream<Uint8Array> | null> {
      const params = { path: { ref, attempt, stream } }
      const open = async (from: number) => {
        const how = { params, parseAs: 'stream', headers: from > 0 ? { range: `bytes=${from}-` } : {} } as const
        const { data } = await http.GET('/api/v1/jobs/{ref}/logs/{attempt}/{stream}', how)
        return (data ?? null) as ReadableStream<Uint8Array> | null
      }
      return ID.test(ref) ? readAcross(open) : open(0) // a name may mean another job by then
    },

    /**
     * The bytes of the logs as they come, across attempts, then the outcome. When the connection breaks or the server
     * is restarted it goes on by itself where it was, without a byte lost or given twice. Throws only what the server
     * refuses (4xx), and the reason of its signal.
     */
    async *followLogs(ref: string, options: FollowLogsOptions = {}): AsyncGenerator<LogPiece | LogEnd> {
      yield* followLogs(follower, await idOf(ref, options), options)
    },

    /** What a job has reported: last, lowest and highest value of each metric, and how far it is. */
    async listMetrics(ref: string): Promise<MetricList> {
      return of(await http.GET('/api/v1/jobs/{ref}/metrics', path(ref)))
    },

    /** A curve of at most so many points, with every peak; without an attempt the continuous one. */
    async readMetric(ref: string, name: string, query: MetricQuery = {}): Promise<MetricCurve> {
      return of(await http.GET('/api/v1/jobs/{ref}/metrics/{name}', { params: { path: { ref, name }, query } }))
    },

    /** Every point as it was reported, as CSV or JSON lines. */
    async exportMetrics(ref: string, query: MetricExport): Promise<ReadableStream<Uint8Array> | null> {
      const how = { params: { path: { ref }, query }, parseAs: 'stream' } as const
      const { data } = await http.GET('/api/v1/jobs/{ref}/metric-points', how)
      return (data ?? null) as ReadableStream<Uint8Array> | null
    },

    /** The job once it has ended, through breaks of the connection like `followLogs`. */
    async waitFor(ref: string, options: FollowOptions & { onEvent?: (event: Event) => void } = {}): Promise<Job> {
      const id = await idOf(ref, options)
      for await (const event of followEvents(follower, id, options)) options.onEvent?.(event)
      return untilAnswered(() => showJob(id), options)
    },

    /** One page of what an attempt of a job has put out; `next` is the `after` of the page behind it. */
    async listArtifacts(
      ref: string,
      query: NonNullable<operations['listArtifacts']['parameters']['query']> = {},
    ): Promise<Artifacts> {
      return of(await http.GET('/api/v1/jobs/{ref}/artifacts', { params: { path: { ref }, query } }))
    },

    /** The bytes of one file from `from` on, as they come; it fails where the connection breaks. */
    async readArtifact(
      { jobId, attempt, path }: { jobId: string; attempt: number; path: string },
      { from = 0, signal }: { from?: number; signal?: AbortSignal | undefined } = {},
    ): Promise<ReadableStream<Uint8Array> | null> {
      const inUrl = path.split('/').map(encodeURIComponent).join('/')
      const url = `${baseUrl}/api/v1/jobs/${encodeURIComponent(jobId)}/artifacts/files/${inUrl}?attempt=${attempt}`
      const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {}
      return (await send({ url, method: 'GET', headers, signal })).body
    },

    /** Gives a file or folder of a job's outputs a name and tag, as the next version of that name. */
    async promoteArtifact(ref: string, body: { as: string; path?: string; attempt?: number }): Promise<NamedArtifact> {
      return of(await http.POST('/api/v1/jobs/{ref}/artifacts/promote', { ...path(ref), body }))
    },

    async listArtifactNames(): Promise<ArtifactName[]> {
      return of(await http.GET('/api/v1/artifacts')).names
    },

    /** By `support-bot`, `support-bot:prod` or `support-bot@3`: what it means, with its versions and tags. */
    async showArtifactName(name: string): Promise<NamedArtifact> {
      return of(await http.GET('/api/v1/artifacts/{name}', { params: { path: { name } } }))
    },

    /** Takes a tag away, and with its last tag the version; or one version that has no tag. */
    async removeArtifactName(name: string): Promise<NamedArtifact> {
      return of(await http.DELETE('/api/v1/artifacts/{name}', { params: { path: { name } } }))
    },

    /** Outputs that nothing needs; gives how many files and bytes. */
    async removeArtifacts(ref: string, query: { path?: string; attempt?: number; force?: boolean }) {
      const { force, ...rest } = query
      const all = { ...rest, ...(force ? { force: 'true' } : {}) }
      return of(await http.DELETE('/api/v1/jobs/{ref}/artifacts', { params: { path: { ref }, query: all } }))
    },

    /** Lets a tag mean another version that there is. */
    async moveArtifactTag(name: string, version: number): Promise<NamedArtifact> {
      return of(await http.POST('/api/v1/artifacts/{name}/move', { params: { path: { name } }, body: { version } }))
    },

    /** Makes sure that the server has the file, known by its SHA-256; sends it only when it is not there yet. */
    async uploadBlob(file: string, sha256: string, options: UploadOptions = {}): Promise<{ existed: boolean }> {
      const { exists } = of(await http.GET('/api/v1/blobs/{sha256}', { params: { path: { sha256 } } }))
      return exists ? { existed: true } : sendBlob(send, `${baseUrl}/api/v1/blobs/${sha256}`, file, options)
    },

    /** The secret is given this once. */
    async createToken(token: {
      role: Token['role']
      project?: string
      days?: number
    }): Promise<Token & { secret: string }> {
      return of(await http.POST('/api/v1/tokens', { body: token as never }))
    },

    async listTokens(): Promise<Token[]> {
      return of(await http.GET('/api/v1/tokens')).tokens
    },

    /** Makes a token worthless from now on. */
    async revokeToken(id: string): Promise<Token> {
      return of(await http.POST('/api/v1/tokens/{id}/revoke', { params: { path: { id } } }))
    },

    async listHosts(): Promise<Host[]> {
      return of(await http.GET('/api/v1/hosts')).hosts
    },

    /** `drain`: nothing new is placed there; `resume`: again; `remove`: forgotten until it is resumed. */
    async admitHost(ref: string, action: 'drain' | 'resume' | 'remove'): Promise<Host> {
      return of(await http.POST(`/api/v1/hosts/{ref}/${action}`, path(ref)))
    },

    async listPools(): Promise<Pool[]> {
      return of(await http.GET('/api/v1/pools')).pools
    },

    async setPool(name: string, to: { preempts?: boolean; onSilence?: 'wait' | 'fence' }): Promise<Pool> {
      return of(await http.POST('/api/v1/pools/{name}', { params: { path: { name } }, body: to }))
    },

    /** Sets the limits named of one quota; those of it that are not named stay. Gives the quotas of the project. */
    async setQuota(quota: QuotaKey & { devices?: number; running?: number; queued?: number }): Promise<Quota[]> {
      return of(await http.POST('/api/v1/quotas', { body: quota })).quotas
    },

    async listQuotas(): Promise<Quota[]> {
      return of(await http.GET('/api/v1/quotas')).quotas
    },

    async unsetQuota(query: QuotaKey): Promise<Quota[]> {
      return of(await http.DELETE('/api/v1/quotas', { params: { query } })).quotas
    },

    /** Sets what a device-hour costs from now on; gives all prices that hold. */
    async setPrice(price: Omit<Price, 'since'>): Promise<Price[]> {
      return of(await http.POST('/api/v1/prices', { body: price })).prices
    },

    async listPrices(): Promise<Price[]> {
      return of(await http.GET('/api/v1/prices')).prices
    },

    async unsetPrice(query: Pick<Price, 'kind' | 'name'>): Promise<Price[]> {
      return of(await http.DELETE('/api/v1/prices', { params: { query } })).prices
    },

    /** What has been spent, summed by `by`; of all projects for an administrator, else of one's own. */
    async listCosts(query: CostQuery): Promise<Cost[]> {
      return of(await http.GET('/api/v1/costs', { params: { query } })).rows
    },

    /** Submits a job again and again; its strings may have placeholders such as `{{date}}`. */
    async createSchedule(schedule: ScheduleInput): Promise<Schedule> {
      return of(await http.POST('/api/v1/schedules', { body: schedule as never }))
    },

    /** The next times, and the name of the job that each would submit. */
    async planSchedule(schedule: ScheduleInput): Promise<SchedulePlan> {
      return of(await http.POST('/api/v1/schedules/plan', { body: schedule as never }))
    },

    async listSchedules(): Promise<Schedule[]> {
      return of(await http.GET('/api/v1/schedules')).schedules
    },

    async showSchedule(ref: string, query: { fires?: number } = {}): Promise<Schedule> {
      return of(await http.GET('/api/v1/schedules/{ref}', { params: { path: { ref }, query } }))
    },

    async updateSchedule(ref: string, to: ScheduleChange): Promise<Schedule> {
      return of(await http.PATCH('/api/v1/schedules/{ref}', { ...path(ref), body: to as never }))
    },

    async pauseSchedule(ref: string): Promise<Schedule> {
      return of(await http.POST('/api/v1/schedules/{ref}/pause', path(ref)))
    },

    async resumeSchedule(ref: string): Promise<Schedule> {
      return of(await http.POST('/api/v1/schedules/{ref}/resume', path(ref)))
    },

    /** What it has submitted goes on. */
    async removeSchedule(ref: string): Promise<Schedule> {
      return of(await http.DELETE('/api/v1/schedules/{ref}', path(ref)))
    },

    /** Fires now, beside whatever runs. */
    async triggerSchedule(ref: string): Promise<Fire> {
      return of(await http.POST('/api/v1/schedules/{ref}/trigger', path(ref)))
    },

    /** Submits every time of a span that no job stands for yet; ISO 8601 with an offset or Z. */
    async backfillSchedule(
      ref: string,
      span: { from: string; to: string },
    ): Promise<{ submitted: number; failed: number; existed: number }> {
      return of(await http.POST('/api/v1/schedules/{ref}/backfill', { ...path(ref), body: span }))
    },

    async createTemplate(template: NewTemplate): Promise<Template> {
      return of(await http.POST('/api/v1/templates', { body: template }))
    },

    /** Makes the next version; what is not `locked` anew stays locked. */
    async updateTemplate(name: string, body: Omit<NewTemplate, 'name'>): Promise<Template> {
      return of(await http.POST('/api/v1/templates/{ref}/versions', { ...path(name), body }))
    },

    async listTemplates(): Promise<Template[]> {
      return of(await http.GET('/api/v1/templates')).templates
    },

    /** By `NAME`, which means the newest version, or `NAME@VERSION`. */
    async showTemplate(ref: string): Promise<Template> {
      return of(await http.GET('/api/v1/templates/{ref}', path(ref)))
    },

    async removeTemplate(name: string): Promise<Template> {
      return of(await http.DELETE('/api/v1/templates/{ref}', path(name)))
    },

    /** A job made of a template, with overrides by place such as `env.LR`. Safe to repeat with the same key. */
    async submitTemplate(
      ref: string,
      set: Record<string, unknown> = {},
      key: string = crypto.randomUUID(),
    ): Promise<{ job: Job; existed: boolean }> {
      const params = { path: { ref }, header: { 'idempotency-key': key } }
      const { data, response } = await http.POST('/api/v1/templates/{ref}/jobs', { params, body: { set } })
      return { job: data as Job, existed: response.status === 200 }
    },

    /** Tells a URL of what happens in the project; a secret that was made for it is in this answer and in no other. */
    async createWebhook(webhook: NewWebhook): Promise<CreatedWebhook> {
      return of(await http.POST('/api/v1/webhooks', { body: webhook }))
    },

    async listWebhooks(): Promise<Webhook[]> {
      return of(await http.GET('/api/v1/webhooks')).webhooks
    },

    /** With its last deliveries. */
    async showWebhook(ref: string): Promise<Webhook> {
      return of(await http.GET('/api/v1/webhooks/{ref}', path(ref)))
    },

    /** Sends a message of no meaning; gives its id, by which `showWebhook` tells what came of it. */
    async testWebhook(ref: string): Promise<string> {
      return of(await http.POST('/api/v1/webhooks/{ref}/test', path(ref))).id
    },

    async removeWebhook(ref: string): Promise<Webhook> {
      return of(await http.DELETE('/api/v1/webhooks/{ref}', path(ref)))
    },

    /** Deploys a service by the JSON of PAI-EAS; its token is in this answer and in no other. */
    async createService(description: ServiceDescription): Promise<CreatedService> {
      return of(await http.POST('/api/v1/services', { body: description }))
    },

    async listServices(): Promise<Service[]> {
      return of(await http.GET('/api/v1/services')).services
    },

    async showService(name: string): Promise<Service> {
      return of(await http.GET('/api/v1/services/{name}', { params: { path: { name } } }))
    },

    /** Stops what it runs, and takes it away with all that its queues hold. */
    async deleteService(name: string): Promise<void> {
      await http.DELETE('/api/v1/services/{name}', { params: { path: { name } } })
    },

    /** Submits a sweep; repeated with the same key and description it gives the same one (`existed`). */
    async submitSweep(
      sweep: SweepSpec,
      key: string = crypto.randomUUID(),
    ): Promise<{ sweep: Sweep; existed: boolean }> {
      const params = { header: { 'idempotency-key': key } }
      const { data, response } = await http.POST('/api/v1/sweeps', { body: { sweep } as never, params })
      return { sweep: data as Sweep, existed: response.status === 200 }
    },

    /** Submits a task for each index; afterwards it is a sweep of method `array`. Safe to repeat like `submitSweep`. */
    async submitArray(
      array: ArraySpec,
      key: string = crypto.randomUUID(),
    ): Promise<{ sweep: Sweep; existed: boolean }> {
      const params = { header: { 'idempotency-key': key } }
      const { data, response } = await http.POST('/api/v1/arrays', { body: { array } as never, params })
      return { sweep: data as Sweep, existed: response.status === 200 }
    },

    /** What a sweep would run; nothing is written. */
    async planSweep(sweep: SweepSpec): Promise<SweepPlan> {
      return of(await http.POST('/api/v1/sweeps/plan', { body: { sweep } as never }))
    },

    /** What an array would run; nothing is written. */
    async planArray(array: ArraySpec): Promise<SweepPlan> {
      return of(await http.POST('/api/v1/arrays/plan', { body: { array } as never }))
    },

    /** One page, newest first: sweeps, or arrays. */
    async listSweeps(
      query: { arrays?: boolean; cursor?: string; limit?: number } = {},
    ): Promise<{ sweeps: SweepSummary[]; next: string | null }> {
      return of(await http.GET('/api/v1/sweeps', { params: { query: query as never } }))
    },

    showSweep,

    /** One page of the trials of a sweep; `next` is the `cursor` of the page after it. */
    async listTrials(ref: string, query: TrialFilter = {}): Promise<{ trials: Trial[]; next: number | null }> {
      return of(await http.GET('/api/v1/sweeps/{ref}/trials', { params: { path: { ref }, query } }))
    },

    /** A trial by its number, a task by its index. */
    async showTrial(ref: string, key: string): Promise<Trial> {
      return of(await http.GET('/api/v1/sweeps/{ref}/trials/{key}', { params: { path: { ref, key } } }))
    },

    /** Wants it stopped with all its jobs; returns at once. */
    async stopSweep(ref: string): Promise<Sweep> {
      return of(await http.POST('/api/v1/sweeps/{ref}/stop', path(ref)))
    },

    /** Gives trials that failed, or that a stop has kept from their end, a new job in the same sweep. */
    async resumeSweep(ref: string, which: 'failed' | 'stopped' | 'all'): Promise<{ count: number; sweep: Sweep }> {
      return of(await http.POST('/api/v1/sweeps/{ref}/resume', { ...path(ref), body: { which } }))
    },

    /** The sweep once it has ended. Looks once a second and tells each look; goes on through restarts of the server. */
    async waitForSweep(ref: string, options: FollowOptions & { onLook?: (sweep: Sweep) => void } = {}): Promise<Sweep> {
      const first = await untilAnswered(() => showSweep(ref), options)
      return untilSweepEnded(() => untilAnswered(() => showSweep(first.id), options), first, options)
    },

    /** The jobs that wait in a pool, in their order. */
    async listQueue(pool = 'default'): Promise<QueueEntry[]> {
      return of(await http.GET('/api/v1/queue', { params: { query: { pool } } })).entries
    },
  }
}

/** How often one that waits for a sweep looks at it, in milliseconds. */
const LOOK_EVERY = 1_000

async function untilSweepEnded(
  look: () => Promise<Sweep>,
  first: Sweep,
  { signal, onLook }: FollowOptions & { onLook?: (sweep: Sweep) => void },
): Promise<Sweep> {
  for (let sweep = first; ; sweep = await look()) {
    onLook?.(sweep)
    if (sweep.state === 'ended') return sweep
    await delay(LOOK_EVERY, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

/** The answer; one that is not good has been thrown before. */
function of<T>({ data }: { data?: T }): T {
  return data as T
}
