import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { checkProviderOptions } from '../../../src/providers/index.js'
import { JobSpec } from '../../../src/schema/job.js'
import { Account, GatewayConfig } from '../../../src/vendors/alayanew/config.js'
import { ROUTES } from '../../../src/vendors/alayanew/facade.js'

const page = readFileSync(fileURLToPath(new URL('../../../docs/vendors/alayanew.md', import.meta.url)), 'utf8')
const [file, job] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => parse(text as string))

test('the configuration file of the page is one that is accepted', () => {
  expect(GatewayConfig.parse(file.gateway).credentials.length).toBe(2)
  for (const account of Object.values(file.accounts)) Account.parse(account)
  for (const key of Object.keys(GatewayConfig.shape)) expect(page).toContain(`\`gateway.${key}`)
})

test('the job of the page is one that is accepted', () => {
  checkProviderOptions(JobSpec.parse({ name: 'job', ...job }))
})

test('the page has a row for every operation', () => {
  for (const [, path] of ROUTES) {
    const words = path.replace('/v1/training/', '').replace('/:id/:podName/', '/{id}/{pod}/').replaceAll(':id', '{id}')
    const shorter = words
      .replace('instance/{id}/{pod}/open-port', '…/open-port')
      .replace('instance/{id}/{pod}/close', '…/close')
    expect(page, path).toContain(shorter)
  }
})
