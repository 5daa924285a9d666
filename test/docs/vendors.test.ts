import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createGateway } from '../../src/gateway/app.js'
import type { Facade } from '../../src/gateway/facade.js'
import { FACADES } from '../../src/gateway/registry.js'
import { HOSTED } from '../../src/providers/index.js'
import { VENDORS } from '../../src/schema/vendors.js'

const read = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8')

/** What each service offers, by the words of its reference; each must stand in the first column of its page's table. */
const OPERATIONS: Record<string, string[]> = {
  'eas-queue': [
    ...['put', 'end of stream', 'get', 'search', 'count', 'attributes', 'watch', 'commit', 'negative', 'delete'],
    ...['truncate', 'symbols', 'service discovery'],
  ],
  'eas-jobs': ['put of a command', 'stop symbol', 'search', 'get', 'delete', 'deploying'],
  qianfan: [
    ...['CreateFineTuningJob', 'CreateFineTuningTask', 'DescribeFineTuningJobs', 'DescribeFineTuningTasks'],
    ...['DescribeFineTuningTask`', 'StopFineTuningTask', 'DeleteFineTuningTask', 'DeleteFineTuningJob'],
    ...['DescribeFineTuningSupportModels', 'log'],
  ],
  modelarts: 'C1 C2 C3 C4 C5 J1 J2 J3 J4 VC VL VG VS VD L1 L2 L3 R1 R2 R3 IAM v2'.split(' '),
  alayanew: [
    ...['template/create', 'template/list', 'template/{id}', 'template/{id}/update', 'template/{id}/delete'],
    ...['instance/create', 'instance/list', 'instance/{id}', 'instance/{id}/pause', 'instance/{id}/restart'],
    ...['instance/{id}/delete', 'pod/list', '{pod}/basic', '{pod}/logs', 'open-port/list', 'open-port', 'close-port'],
    ...['checkIsEnabled', 'list-for-training-task', 'aidc/v1/list'],
  ],
  facet: [
    'GET /health',
    'POST /train',
    'GET /jobs`',
    'GET /jobs/{id}`',
    '/status',
    'DELETE /jobs/{id}',
    'download',
    'export',
  ],
}

/** The rows of the table of operations: name, in, out. */
function rowsOf(page: string): string[][] {
  const lines = read(`vendors/${page}.md`).split('\n')
  const begin = lines.findIndex((line) => /^\| operation \| in \| out \|$/.test(line))
  expect(begin, `${page} has a table of operations`).toBeGreaterThan(0)
  const end = lines.findIndex((line, i) => i > begin && !line.startsWith('|'))
  return lines.slice(begin + 2, end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('every service is served, submitted to, and has its page', () => {
  expect(FACADES.map(({ vendor }) => vendor)).toEqual([...VENDORS])
  expect(Object.keys(HOSTED).sort()).toEqual([...VENDORS].sort())
  for (const vendor of VENDORS) expect(read('vendors.md')).toContain(`(vendors/${vendor}.md)`)
})

test.each(Object.entries(OPERATIONS))('the page of %s has every operation of its reference', (page, operations) => {
  const named = rowsOf(page).map(([name]) => name)
  for (const operation of operations)
    expect(
      named.some((name) => name?.includes(operation)),
      operation,
    ).toBe(true)
})

test.each(Object.keys(OPERATIONS))('the page of %s says of each operation, in and out, yes or why not', (page) => {
  for (const row of rowsOf(page)) {
    expect(row, row[0]).toHaveLength(3)
    for (const cell of row.slice(1)) expect(cell, row[0]).toMatch(/^(yes\b|only \S|no[:,] \S)/)
  }
})

test('a path that is nobody’s is answered in some vendor’s shape, and never in ours', async () => {
  const logger = pino({ level: 'silent' })
  const served = FACADES.map((facade) => ({
    facade: { ...facade, routes: () => undefined } as Facade<unknown>,
    deps: {} as never,
  }))
  for (const one of served) delete (one.facade as { start?: unknown }).start
  const gateway = await createGateway(served, logger)
  for (const url of ['/nothing', '/v1/x', '/v2/x', '/jobs/x/y', '/api/predict/x', '/v1/training/x', '/%', '/v3/x']) {
    const answer = await gateway.inject({ method: 'GET', url })
    expect(answer.statusCode, url).toBeGreaterThanOrEqual(400)
    expect(answer.body, url).not.toMatch(/urn:anneal|FST_ERR|"statusCode"/)
  }
  await gateway.close()
})
