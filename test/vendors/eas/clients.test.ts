import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { easFacade } from '../../../src/vendors/eas/facade.js'
import { pythonWithClients, SETUP_WITHIN } from '../../support/clients.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'

const run = promisify(execFile)
const STORIES = fileURLToPath(new URL('./python/queue_stories.py', import.meta.url))
const token = 'MWMyOTFj=='

let gateway: TestGateway
let python: string
beforeAll(async () => {
  python = await pythonWithClients()
  gateway = await startTestGateway(easFacade, {
    config: { services: { story: { token: 'T' } } },
    secrets: { T: token },
  })
}, SETUP_WITHIN)
afterAll(() => gateway.close())

test('the Python SDK: gets, searches, truncates and watches as its own tests do', async () => {
  const { stdout } = await run(python, [STORIES, new URL(gateway.url).host, 'story', token], { timeout: 170_000 })
  expect(stdout.match(/^ok \w+/gm)).toEqual([
    'ok get_by_index',
    'ok get_by_request_id',
    'ok get_nothing',
    'ok truncate',
    'ok search_and_delete',
    'ok watch_while_another_puts',
    'ok watch_with_auto_commit',
    'ok watch_with_manual_commit',
    'ok watch_for_tags',
    'ok two_watchers',
    'ok wrong_token',
  ])
}, 180_000)
