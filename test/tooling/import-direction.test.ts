import { fileURLToPath } from 'node:url'
import { Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { describe, expect, test } from 'vitest'
import { importDirection } from '../../scripts/lint/import-direction.mjs'

const forbidden: [file: string, text: string][] = [
  ['workflows/train-job.ts', "import { createActivities } from '../activities/index.js'"],
  ['workflows/train-job.ts', "import { z } from 'zod'"],
  ['workflows/train-job.ts', "import { jobSpec } from '../schema/job.js'"],
  ['workflows/train-job.ts', "import { Client } from '@temporalio/client'"],
  ['workflows/train-job.ts', "import { readFile } from 'node:fs/promises'"],
  ['schema/job.ts', "import type { Store } from '../store/store.js'"],
  ['api/app.ts', "import { trainJob } from '../workflows/index.js'"],
  ['api/app.ts', "export { trainJob } from '../workflows/index.js'"],
  ['api/app.ts', "const load = () => import('../runner/agent.js')"],
  ['runner/agent.ts', "import { Context } from '@temporalio/activity'"],
  ['runner/agent.ts', "import { openStore } from '../store/open.js'"],
  ['providers/index.ts', "import { facade } from '../vendors/eas/facade.js'"],
  ['vendors/eas/provider.ts', "import { sign } from '../qianfan/sign.js'"],
  ['cli/commands/list.ts', "export * from '../../store/open.js'"],
  ['misc/thing.ts', ''],
]

const allowed: [file: string, text: string][] = [
  ['workflows/train-job.ts', "import type { Activities } from '../activities/index.js'"],
  ['workflows/train-job.ts', "import { type Activities } from '../activities/index.js'"],
  ['workflows/train-job.ts', "import type { JobSpec } from '../schema/job.js'"],
  ['workflows/train-job.ts', "import { MINUTE } from '../schema/duration.js'"],
  ['workflows/train-job.ts', "import { proxyActivities } from '@temporalio/workflow'"],
  ['activities/launch.ts', "import { openStore } from '../store/open.js'"],
  ['activities/launch.ts', "import { crashPoint } from '../crash-point.js'"],
  ['api/app.ts', "import type { trainJob } from '../workflows/index.js'"],
  ['vendors/eas/facade.ts', "import { sign } from './sign.js'"],
  ['providers/local/index.ts', "import { startAgent } from '../../runner/agent.js'"],
  ['cli/commands/up.ts', "const up = () => import('../../up.js')"],
  ['worker.ts', "import { createActivities } from './activities/index.js'"],
]

describe('the import-direction rule', () => {
  test.each(forbidden)('refuses in %s: %s', (file, text) => {
    expect(lint(file, text)).toHaveLength(1)
  })
  test.each(allowed)('allows in %s: %s', (file, text) => {
    expect(lint(file, text)).toEqual([])
  })
  test('says which import, and why', () => {
    const [message] = lint('api/app.ts', "import { trainJob } from '../workflows/index.js'")
    expect(message).toMatch(
      /^api\/app\.ts may import \.\.\/workflows\/index\.js only by `import type`: the API commits/,
    )
  })
})

function lint(file: string, text: string): string[] {
  const filename = fileURLToPath(new URL(`../../src/${file}`, import.meta.url))
  const plugins = { anneal: { rules: { 'import-direction': importDirection } } }
  const config = { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser }, plugins }
  const linter = new Linter({ cwd: fileURLToPath(new URL('../..', import.meta.url)) })
  const found = linter.verify(
    text,
    [{ ...config, rules: { 'anneal/import-direction': 'error' } }] as Linter.Config[],
    filename,
  )
  return found.map(({ message }) => message)
}
