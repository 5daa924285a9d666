import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

/** Each of its jobs is `true`, soon over, and tried again whatever is done to its host. */
const NAME = 'fired'

/** What goes on beside the jobs: a schedule that fires each minute and when it is asked to, and a webhook that is told of each end. */
export class Beside {
  /** What the webhook was told, as `{ id, type, of }`: the message, its kind, and the job or pipeline that it speaks of. */
  told = []

  /** Before anything is killed: neither may be made twice. */
  static async begin(client, retry) {
    const beside = new Beside()
    beside.client = client
    beside.server = createServer((request, response) => void beside.#take(request, response))
    await new Promise((done) => beside.server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${beside.server.address().port}/`
    beside.webhook = (await client.once('POST', '/api/v1/webhooks', { url, on: ['ended'] })).id
    const schedule = { every: '1m', overlap: 'allowAll' }
    const job = { name: NAME, command: 'true', priority: 95, retry }
    await client.once('POST', '/api/v1/schedules', { name: NAME, schedule, job })
    return beside
  }

  async #take(request, response) {
    const { type, data } = await json(request)
    const id = request.headers['webhook-id']
    this.told.push({ id, type, of: (data.job ?? data.pipeline)?.id })
    response.end()
  }

  /** Not sent again when its answer is lost: that it may have fired all the same is no fault. */
  async trigger() {
    await this.client.once('POST', `/api/v1/schedules/${NAME}/trigger`).catch(() => undefined)
  }

  /** Fires no more. */
  async finish() {
    await this.client.call('POST', `/api/v1/schedules/${NAME}/pause`).catch(() => undefined)
  }

  /** Whether all has ended that was fired, and all has been told. */
  async isOver() {
    const { fires, jobs } = await this.record()
    const { pending } = await this.client.call('GET', `/api/v1/webhooks/${this.webhook}`)
    return (
      pending === 0 && fires.every(({ state }) => state !== 'waiting') && jobs.every((job) => job.state === 'ended')
    )
  }

  async record() {
    const { fires } = await this.client.call('GET', `/api/v1/schedules/${NAME}?fires=1000`)
    const jobs = []
    for (let cursor; ; ) {
      const page = await this.client.call(
        'GET',
        `/api/v1/jobs?name=${NAME}&limit=500${cursor ? `&cursor=${cursor}` : ''}`,
      )
      jobs.push(...page.jobs)
      if (!page.next) return { fires, jobs, told: this.told }
      cursor = page.next
    }
  }

  close() {
    this.server.closeAllConnections()
    this.server.close()
  }
}
