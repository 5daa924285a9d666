import { z } from 'zod'
import { Failure, type Problem } from '../schema/failure.js'
import { type JobSpec, providersOf } from '../schema/job.js'
import { problemsOf } from '../schema/problems.js'
import type { Vendor } from '../schema/vendors.js'
import { alayanewProvider } from '../vendors/alayanew/provider.js'
import { easProvider } from '../vendors/eas/provider.js'
import { facetProvider } from '../vendors/facet/provider.js'
import { modelartsProvider } from '../vendors/modelarts/provider.js'
import { qianfanProvider } from '../vendors/qianfan/provider.js'
import { type Provider, toldOptions } from './provider.js'

/** The services that jobs can be submitted to. One line each. */
export const HOSTED: { [name in Vendor]?: Provider<unknown, unknown> } = {
  eas: easProvider as unknown as Provider<unknown, unknown>,
  qianfan: qianfanProvider as Provider<unknown, unknown>,
  modelarts: modelartsProvider as Provider<unknown, unknown>,
  alayanew: alayanewProvider as Provider<unknown, unknown>,
  facet: facetProvider as Provider<unknown, unknown>,
}

/** Services that are told how many workers a job asks for as `nodes`; the others are asked for them in their own words. */
const TAKE_NODES: readonly Vendor[] = ['alayanew']

/** Checks what a job tells the services that it names; fails with `invalid_spec` in the words of that service. */
export function checkProviderOptions(spec: JobSpec): void {
  for (const { name } of providersOf(spec)) {
    if (name === 'local') continue
    const provider = HOSTED[name]
    if (!provider) throw new Failure('invalid_spec', `provider: ${name} is not served in this version`)
    checkNodes(spec, name)
    const told = toldOptions(spec, provider)
    if (told.problems.length > 0) throw refused(name, told.problems)
    const schema = z.object({ providerOptions: z.object({ [name]: provider.options }) })
    const input = { providerOptions: { [name]: told.options } }
    const result = schema.safeParse(input)
    if (!result.success) throw refused(name, problemsOf(result.error, schema, input))
  }
}

function refused(name: Vendor, problems: Problem[]): Failure {
  return new Failure('invalid_spec', `${problems[0]?.path}: ${problems[0]?.message}`, {
    problems,
    next: `docs/vendors.md lists what ${name} needs.`,
  })
}

function checkNodes({ resources: { nodes } }: JobSpec, name: Vendor): void {
  if (nodes === 1 || TAKE_NODES.includes(name)) return
  const message = `${name} is told of one node; several run on your own hosts, and at ${TAKE_NODES.join(', ')}`
  throw new Failure('invalid_spec', `resources.nodes: ${message}`, {
    problems: [{ path: 'resources.nodes', message, value: nodes, expected: '1' }],
    next: `Leave it out, and say it in providerOptions.${name} where the service has a number of workers.`,
  })
}
