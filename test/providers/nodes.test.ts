import { expect, test } from 'vitest'
import { checkProviderOptions } from '../../src/providers/index.js'
import type { RemoteRequest } from '../../src/providers/provider.js'
import { createBody } from '../../src/vendors/alayanew/options.js'
import { spec } from '../support/jobs.js'

const alayanew = { trainingType: 'PRE_TRAINING', trainingFramwork: 'PyTorch', imageType: 'private', image: 'i:1' }

test('several nodes are refused at submit for a service that is told of them in its own words', () => {
  const check = (nodes: number) => () =>
    checkProviderOptions(spec({ provider: ['local', 'facet'], resources: { nodes } }))
  expect(check(2)).toThrow(/^resources.nodes: facet is told of one node/)
})

test('several nodes are the number of workers at alayanew, unless that is given', () => {
  const count = (more: object) => {
    const job = spec({
      provider: 'alayanew',
      resources: { nodes: 3 },
      providerOptions: { alayanew: { ...alayanew, ...more } },
    })
    checkProviderOptions(job)
    const body = createBody({ key: 'k', spec: job } as RemoteRequest, 1, undefined)
    return (body as { resource: { workerCount?: number } }).resource.workerCount
  }
  expect([count({}), count({ workerCount: 2 })]).toEqual([3, 2])
})
