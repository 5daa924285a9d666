import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  faultOf,
  type ProviderTools,
  type Remote,
  RemoteFault,
  type RemoteRequest,
  type RemoteStatus,
  toldOptions,
} from '../../../providers/provider.js'
import type { QianfanAccount } from '../config.js'
import { QianfanOptions } from '../options.js'
import { JobPage, LARGEST_PAGE, type PageInfo, TaskDetail, TaskPage } from '../wire.js'
import { QianfanClient, readAs } from './client.js'
import { inQianfansWords } from './finetune.js'
import { hasEnded, statusOf } from './status.js'

/** Pages of one list; a service that always says "more" must not hold a watch for ever. */
const MOST_PAGES = 200

/**
 * One run is one task in a job of its own, whose name follows from the attempt (reference/qianfan-finetune.md §10). The
 * job costs nothing and may be left empty; only `createTask` begins a run, and it is called once.
 */
export class QianfanRemote implements Remote {
  readonly #client: QianfanClient

  constructor(account: QianfanAccount, tools: ProviderTools) {
    this.#client = new QianfanClient(account, tools)
  }

  async find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined> {
    for (const jobId of await this.#jobsNamed(nameOf(request), optionsOf(request), signal)) {
      const tasks = await this.#pages('DescribeFineTuningTasks', { jobId }, TaskPage, signal)
      const [task] = tasks.flatMap(({ taskList }) => taskList)
      if (task) return task.taskId
    }
    return undefined
  }

  async create(request: RemoteRequest, signal: AbortSignal): Promise<string> {
    const options = optionsOf(request)
    const jobId = await this.#ensureJob(nameOf(request), options, signal)
    const { account: _, model: __, trainMode: ___, description: ____, ...task } = options
    const result = await this.#client.call('CreateFineTuningTask', { jobId, ...task }, signal)
    return readAs(z.object({ taskId: z.string().min(1) }), result, 'CreateFineTuningTask').taskId
  }

  async status(id: string, _request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus> {
    const result = await this.#client.call('DescribeFineTuningTask', { taskId: id }, signal)
    return statusOf(id, readAs(TaskDetail, result, 'DescribeFineTuningTask'))
  }

  /** §10 "stop": a task that had ended first is not stopped, and says how it ended. */
  async stop(id: string, request: RemoteRequest, signal: AbortSignal): Promise<void> {
    let fault: RemoteFault | undefined
    try {
      if ((await this.#client.call('StopFineTuningTask', { taskId: id }, signal)) === true) return
    } catch (error) {
      fault = faultOf(error)
      if (!fault || !['gone', 'rejected'].includes(fault.kind)) throw error
    }
    try {
      if (hasEnded(await this.status(id, request, signal))) return
    } catch (error) {
      if (faultOf(error)?.kind === 'gone') return
      throw error
    }
    throw new RemoteFault('unavailable', `The stop was refused: ${fault?.message ?? 'result false'}`)
  }

  /** The job of this attempt: one that an earlier call has made, or a new one. */
  async #ensureJob(name: string, options: QianfanOptions, signal: AbortSignal): Promise<string> {
    const [known] = await this.#jobsNamed(name, options, signal)
    if (known) return known
    const { model, trainMode, description } = options
    const result = await this.#client.call('CreateFineTuningJob', { name, model, trainMode, description }, signal)
    return readAs(z.object({ jobId: z.string().min(1) }), result, 'CreateFineTuningJob').jobId
  }

  async #jobsNamed(name: string, { model, trainMode }: QianfanOptions, signal: AbortSignal): Promise<string[]> {
    const pages = await this.#pages('DescribeFineTuningJobs', { model, trainMode }, JobPage, signal)
    const jobs = pages.flatMap(({ jobList }) => jobList).filter((job) => job.name === name)
    return [...new Set(jobs.map(({ jobId }) => jobId))]
  }

  /** All pages of a list. The marker may be the last of a page or the first of the next (§12 #16): the reader drops doubles. */
  async #pages<Page extends { pageInfo?: PageInfo | undefined }>(
    action: 'DescribeFineTuningJobs' | 'DescribeFineTuningTasks',
    filter: object,
    schema: z.ZodType<Page>,
    signal: AbortSignal,
  ): Promise<Page[]> {
    const pages: Page[] = []
    let marker: string | undefined
    do {
      const result = await this.#client.call(action, { ...filter, maxKeys: LARGEST_PAGE, marker }, signal)
      const page = readAs(schema, result, action)
      pages.push(page)
      const { isTruncated, nextMarker } = page.pageInfo ?? {}
      const next = isTruncated ? (nextMarker ?? undefined) : undefined
      if (isTruncated && (next === undefined || next === marker)) {
        throw new RemoteFault('unavailable', `${action} says that there is more, and not where`)
      }
      marker = next
    } while (marker !== undefined && pages.length < MOST_PAGES)
    if (marker === undefined) return pages
    throw new RemoteFault('unavailable', `${action} has more than ${MOST_PAGES} pages`)
  }
}

/** What the job asks for; checked at submit, and again here since a facade may have put it together. */
function optionsOf({ spec }: RemoteRequest): QianfanOptions {
  const result = QianfanOptions.safeParse(toldOptions(spec, { name: 'qianfan', finetune: inQianfansWords }).options)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new RemoteFault('rejected', `providerOptions.qianfan.${issue?.path.join('.')}: ${issue?.message}`)
}

/** §3: 2–20 characters, unique in the account. 65 bits of the key's hash. */
export function nameOf({ key }: Pick<RemoteRequest, 'key'>): string {
  const hash = BigInt(`0x${createHash('sha256').update(key).digest('hex')}`)
  return `anneal_${hash.toString(32).slice(0, 13)}`
}
