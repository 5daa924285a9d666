import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Client, createClient, type Failure } from '../../src/client/index.js'
import { createToken, ensureProject } from '../../src/store/tokens.js'
import { startServer, type TestServer } from '../client/server.js'
import { connectHost } from '../support/jobs.js'
import { finish, lookOn } from '../support/pipelines.js'

const job = { command: 'true' }

describe('pipelines over HTTP', () => {
  let server: TestServer
  let client: Client
  beforeEach(async () => {
    server = await startServer()
    client = createClient({ url: server.url, token: server.token })
  })
  afterEach(() => server.close())

  const submit = async (steps: object, key?: string) => client.submitPipeline({ name: 'p', steps } as never, key)
  const refusal = (call: Promise<unknown>) => call.catch((error: Failure) => error) as Promise<Failure>

  test('the same key and body give the same pipeline, another body is refused', async () => {
    const first = await submit({ a: job }, 'k')
    expect(first.existed).toBe(false)
    const again = await submit({ a: job }, 'k')
    expect(again).toMatchObject({ existed: true, pipeline: { id: first.pipeline.id } })
    expect(await refusal(submit({ a: { command: 'false' } }, 'k'))).toMatchObject({ code: 'idempotency_conflict' })
  })

  test('all problems come at once, each with its path', async () => {
    const error = await refusal(submit({ a: { comand: 'x' }, b: { ...job, needs: 'c' } }))
    expect(error).toMatchObject({ code: 'invalid_spec' })
    expect(error.problems?.map(({ path }) => path)).toEqual(['steps.a.comand', 'steps.b.needs'])
  })

  test('a step that no host could hold, or whose folder is not there, is refused with its place', async () => {
    await connectHost(server.store, 1)
    const large = await refusal(submit({ a: job, b: { ...job, resources: { gpus: 9 } } }))
    expect(large.problems?.map(({ path }) => path)).toEqual(['steps.b.resources.gpus'])
    const blob = 'a'.repeat(64)
    const missing = await refusal(submit({ a: { ...job, workdir: { blob } } }))
    expect(missing).toMatchObject({ code: 'invalid_spec', message: expect.stringContaining('steps.a: workdir') })
  })

  test('more than four megabytes are refused', async () => {
    const error = await refusal(submit({ a: { command: 'x'.repeat(4_100_000) } }))
    expect(error.code).toBe('too_large')
  })

  test('others see nothing of it, and who may only read changes nothing', async () => {
    const { pipeline } = await submit({ a: job, g: { needs: 'a', approve: {} } })
    const secret = await server.store.transact(async (tx) => {
      await ensureProject(tx, 'other')
      return (await createToken(tx, { role: 'user', project: 'other' })).secret
    })
    const stranger = createClient({ url: server.url, token: secret })
    const calls = [
      () => stranger.showPipeline(pipeline.id),
      () => stranger.stopPipeline(pipeline.id),
      () => stranger.resumePipeline(pipeline.id),
      () => stranger.answerGate(pipeline.id, {}),
      () => stranger.listJobs({ group: pipeline.id }),
    ]
    for (const call of calls) expect((await refusal(call())).code).toBe('not_found')
    expect((await stranger.listPipelines()).pipelines).toEqual([])
    const viewer = createClient({ url: server.url, token: await server.newToken('viewer') })
    expect((await viewer.showPipeline('p')).id).toBe(pipeline.id)
    expect((await refusal(viewer.stopPipeline('p'))).code).toBe('forbidden')
  })

  test('pages are followed by their cursor, and counts say how far each is', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i += 1) ids.unshift((await submit({ a: job, b: { ...job, needs: 'a' } })).pipeline.id)
    await lookOn(server.store, ids[0] as string)
    await finish(server.store, ids[0] as string, 'a')
    const first = await client.listPipelines({ limit: 2 })
    expect(first.pipelines.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const second = await client.listPipelines({ limit: 2, cursor: first.next as string })
    expect(second).toMatchObject({ pipelines: [{ id: ids[2], steps: { waiting: 2, completed: 0 } }], next: null })
  })

  test('its timeline says what was wanted and by whom', async () => {
    const { pipeline } = await submit({ a: job })
    await client.stopPipeline(pipeline.id)
    const params = { path: { ref: pipeline.id }, query: {} }
    const { data } = await client.http.GET('/api/v1/pipelines/{ref}/events', { params })
    expect(data?.events.map(({ type }) => type)).toEqual(['submitted', 'stop_wanted'])
  })
})
