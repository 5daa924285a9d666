import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import { type JobSpec, providersOf } from '../schema/job.js'
import { problemsOf } from '../schema/problems.js'
import type { Vendor } from '../schema/vendors.js'
import { alayanewProvider } from '../vendors/alayanew/provider.js'
import { facetProvider } from '../vendors/facet/provider.js'
import { modelartsProvider } from '../vendors/modelarts/provider.js'
import { qianfanProvider } from '../vendors/qianfan/provider.js'
import type { Provider } from './provider.js'

/** The services that jobs can be submitted to. One line each. */
export const HOSTED: { [name in Vendor]?: Provider<unknown, unknown> } = {
  qianfan: qianfanProvider as Provider<unknown, unknown>,
  modelarts: modelartsProvider as Provider<unknown, unknown>,
  alayanew: alayanewProvider as Provider<unknown, unknown>,
  facet: facetProvider as Provider<unknown, unknown>,
}

/** Checks what a job tells the services that it names; fails with `invalid_spec` in the words of that service. */
export function checkProviderOptions(spec: JobSpec): void {
  for (const { name } of providersOf(spec)) {
    if (name === 'local') continue
    const provider = HOSTED[name]
    if (!provider) throw new Failure('invalid_spec', `provider: ${name} is not served in this version`)
    const schema = z.object({ providerOptions: z.object({ [name]: provider.options }) })
    const input = { providerOptions: { [name]: spec.providerOptions?.[name] ?? {} } }
    const result = schema.safeParse(input)
    if (result.success) continue
    const problems = problemsOf(result.error, schema, input)
    throw new Failure('invalid_spec', `${problems[0]?.path}: ${problems[0]?.message}`, {
      problems,
      next: `docs/vendors.md lists what ${name} needs.`,
    })
  }
}
