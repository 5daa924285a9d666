import { z } from 'zod'
import { OptionsBase, RemoteFault, type RemoteRequest } from '../../providers/provider.js'
import { shellQuote } from '../../schema/vendor-config.js'
import { TrainingConfig } from './wire.js'

/** `providerOptions.modelarts` of a job: the service's own fields, in the dialect of the account. */
export const Options = z
  .strictObject({
    ...OptionsBase,
    description: z.string().max(256).optional().describe('default: the name of the job'),
    config: TrainingConfig.loose().optional().describe('v1: `config` of "Creating a Training Job"'),
    algorithm: z.looseObject({}).optional().describe('v2: `algorithm` of CreateTrainingJob'),
    spec: z.looseObject({}).optional().describe('v2: `spec` of CreateTrainingJob'),
  })
  .refine(({ config, algorithm, spec }) => (config === undefined) !== (algorithm === undefined && spec === undefined), {
    path: ['config'],
    message: 'expected either config (v1) or algorithm and spec (v2)',
  })
export type Options = z.infer<typeof Options>

export function optionsOf({ spec }: RemoteRequest): Options {
  return Options.parse(spec.providerOptions?.modelarts ?? {})
}

/** Unique for the attempt, and the service takes a name only once: what makes "never twice" exact (reference §12). */
export function remoteName({ key }: RemoteRequest): string {
  return `anneal-${key}`
}

/** The job's command as one shell line. */
export function commandLine({ spec: { command } }: RemoteRequest): string | undefined {
  return Array.isArray(command) ? command.map(shellQuote).join(' ') : command
}

export function wrongDialect(expected: string): RemoteFault {
  return new RemoteFault('rejected', `providerOptions.modelarts: this account speaks a dialect that needs ${expected}`)
}

/** The service refuses empty texts on fields that have a form. */
export function withoutBlanks(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== undefined))
}
