import { z } from 'zod'
import {
  type Provider,
  type ProviderTools,
  type Remote,
  RemoteFault,
  type RemoteRequest,
  type RemoteStatus,
  toldOptions,
} from '../../providers/provider.js'
import { MINUTE, parseDuration, SECOND } from '../../schema/duration.js'
import { milliseconds } from '../../schema/job.js'
import { pointsOf } from '../../schema/remote-points.js'
import { AccountConfig } from './config.js'
import { Exchange } from './exchange.js'
import { dumpRequest, jobIdOf } from './job-id.js'
import { FacetOptions, readConfig } from './options.js'
import { inFacetsWords } from './provider/finetune.js'
import { ListReply, StatusReply, SubmitReply, type TrainRequest } from './wire.js'

/**
 * Facet's training service, called by us (reference §11). "Never twice" is best effort: the service starts a second container
 * when a request comes again, so a submit without a clear answer is only looked up, and never sent again. A job there has our
 * key in its name, so that no two attempts have one id, and one that was made is found whatever the id is made of.
 */
export const facetProvider: Provider<FacetOptions, AccountConfig> = {
  name: 'facet',
  options: FacetOptions,
  account: AccountConfig,
  needsCommand: false,
  finetune: inFacetsWords,
  pollEvery: 20 * SECOND, // reference §11: every 15–30 s
  requestsPerSecond: 5, // no limit is published; our own, so that many jobs are no burden
  settleWithin: 2 * MINUTE, // the record is written first, and the gateway gives up after 15 s (reference §2, §7)
  isRepeatable: false,
  connect: (account, tools) => new FacetRemote(account, tools),
}

class FacetRemote implements Remote {
  readonly #exchange: Exchange

  constructor(
    readonly account: AccountConfig,
    readonly tools: ProviderTools,
  ) {
    this.#exchange = new Exchange(account, tools)
  }

  async find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined> {
    const wanted = this.#requestOf(request)
    const id = jobIdOf(wanted)
    if (await this.#look(id, signal)) return id
    // A deployment of another version has other defaults, and so another id for the same request.
    const list = await this.#exchange.call(ListReply, { method: 'GET', path: '/jobs' }, signal)
    return list?.jobs.find(({ job_name }) => job_name === wanted.job_name)?.job_id
  }

  async create(request: RemoteRequest, signal: AbortSignal): Promise<string> {
    const body = dumpRequest(this.#requestOf(request))
    const reply = await this.#exchange.call(
      SubmitReply,
      { method: 'POST', path: '/train', body, kind: 'create' },
      signal,
    )
    if (!reply) throw new RemoteFault('rejected', 'Facet answers 404 to a submit')
    return reply.job_id
  }

  async status(id: string, request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus> {
    const reply = await this.#look(id, signal)
    if (!reply) throw new RemoteFault('gone', `Facet does not know ${id}`)
    return lostOf(reply, request, this.account, this.tools.now()) ?? statusOf(reply)
  }

  async stop(id: string, { spec }: RemoteRequest, signal: AbortSignal): Promise<void> {
    const reply = await this.#look(id, signal)
    if (!reply || PHASES[reply.status] === 'completed' || PHASES[reply.status] === 'failed') return
    if (!optionsOf(spec).deleteOnStop) {
      const why = 'Facet cannot stop a run, only delete it with what it has made (providerOptions.facet.deleteOnStop)'
      throw new RemoteFault('rejected', `${why}. It is watched to its end; a stop by force leaves it to itself`)
    }
    await this.#exchange.call(z.unknown(), { method: 'DELETE', path: pathOf(id) }, signal)
  }

  #look(id: string, signal: AbortSignal): Promise<StatusReply | undefined> {
    return this.#exchange.call(StatusReply, { method: 'GET', path: pathOf(id) }, signal)
  }

  #requestOf({ spec, key }: RemoteRequest): TrainRequest {
    const options = optionsOf(spec)
    const secret = (name: string | undefined) => (name === undefined ? undefined : this.tools.secret(name))
    const { hf_token, wandb_api_key, gemini_api_key } = options.secrets
    const { config, issues } = readConfig(
      options.training_config,
      secret(wandb_api_key) ?? '',
      secret(gemini_api_key) ?? null,
    )
    if (issues[0]) throw new RemoteFault('rejected', `${issues[0].loc.join('.')}: ${issues[0].msg}`)
    return {
      processed_dataset_id: options.processed_dataset_id,
      hf_token: this.tools.secret(hf_token),
      job_name: `${options.job_name ?? spec.name} [${key}]`,
      training_config: config,
    }
  }
}

function optionsOf(spec: RemoteRequest['spec']): FacetOptions {
  return FacetOptions.parse(toldOptions(spec, { name: 'facet', finetune: inFacetsWords }).options)
}

function pathOf(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`
}

const PHASES: Record<string, RemoteStatus['phase']> = {
  queued: 'waiting',
  preparing: 'waiting',
  training: 'running',
  completed: 'completed',
  failed: 'failed',
}

function statusOf(reply: StatusReply): RemoteStatus {
  const { status, error, metrics } = reply
  // Our own facade has no other word for a run that somebody stopped.
  const phase = status === 'failed' && error === 'Canceled' ? 'stopped' : (PHASES[status] ?? 'unknown')
  return {
    phase,
    raw: status,
    message: error ?? undefined,
    links: linksOf(reply),
    metrics: metrics ?? undefined,
    ...(metrics ? { points: pointsOf(metrics) } : {}),
  }
}

/** Where to look, and where the model is: under the names of the wire, later versions with a dot (`hf.adapter`). */
function linksOf({ wandb_url, adapter_path, gguf_path, artifacts }: StatusReply): Record<string, string> | undefined {
  const all: [string, unknown][] = [
    ['wandb_url', wandb_url],
    ['adapter_path', adapter_path],
    ['gguf_path', gguf_path],
    ...Object.entries(artifacts ?? {}).flatMap(([place, kinds]) =>
      Object.entries(kinds ?? {}).map(([kind, path]): [string, unknown] => [`${place}.${kind}`, path]),
    ),
  ]
  const known = all.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return known.length > 0 ? Object.fromEntries(known) : undefined
}

/** A run that died before or behind its tracker stays as it was for ever (reference §7): after a time it counts as lost (§11). */
function lostOf(
  { status }: StatusReply,
  { acceptedAt, startedAt, spec }: RemoteRequest,
  account: AccountConfig,
  now: number,
): RemoteStatus | undefined {
  const since = PHASES[status] === 'running' ? startedAt : PHASES[status] === 'waiting' ? acceptedAt : null
  const limit = PHASES[status] === 'running' ? account.runLimit : account.startLimit
  const longer = PHASES[status] === 'waiting' ? spec.timeouts.start : undefined
  const allowed = Math.max(parseDuration(limit) as number, longer ? milliseconds(longer) : 0)
  if (!since || now - since <= allowed) return undefined
  return { phase: 'failed', raw: 'lost', message: `Facet has said ${status} for more than ${limit}` }
}
