import { expect, test } from 'vitest'
import { checkProviderOptions } from '../../src/providers/index.js'
import type { Failure } from '../../src/schema/failure.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import { spec } from '../support/jobs.js'

const finetune = { baseModel: 'owner/base', dataset: { train: 'ds-1' } }

function refusalOf(more: Partial<JobSpecInput>): Failure | undefined {
  try {
    checkProviderOptions(spec({ finetune, command: undefined, ...more }))
  } catch (error) {
    return error as Failure
  }
  return undefined
}

test.each([
  ['modelarts', /boot file or container .* or take local/],
  ['alayanew', /a command in an image .* or take local/],
  ['eas', /workers of your own queue.* or take local/],
] as const)('%s cannot be given a fine-tune, and it is said what to do instead', (provider, words) => {
  for (const asked of [provider, ['local', provider] as const, [{ name: provider, queue: '1m' }, 'local'] as const])
    expect(refusalOf({ provider: asked as JobSpecInput['provider'] })).toMatchObject({
      code: 'invalid_spec',
      problems: [{ path: 'finetune', message: expect.stringMatching(words) }],
    })
})

test('Of a list each must take it, and the one that does not is named', () => {
  expect(refusalOf({ provider: ['qianfan', 'local'] })).toBeUndefined()
  const asked = { ...finetune, method: 'orpo' as const }
  expect(refusalOf({ finetune: asked, provider: 'local' })).toBeUndefined()
  expect(refusalOf({ finetune: asked, provider: ['local', 'qianfan'] })?.problems).toEqual([
    { path: 'finetune.method', message: 'Qianfan does sft and dpo', value: 'orpo' },
  ])
  expect(refusalOf({ provider: ['local', 'facet'] })?.problems?.[0]?.path).toBe(
    'providerOptions.facet.processed_dataset_id',
  )
})
