import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { parseDuration } from './schema/duration.js'
import { Failure } from './schema/failure.js'
import { parseServers } from './schema/servers.js'

const Environment = z.object({
  ANNEAL_HOME: z.string().min(1).optional(),
  ANNEAL_URL: z
    .string()
    .refine(areServers, 'expected the URL of a server, or several with commas between them')
    .optional(),
  ANNEAL_TOKEN: z.string().min(1).optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s:]+:\d+$/, 'expected host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  /** For tests: a shorter lease than LEASE, in ms; above the 5 s between two beats. */
  ANNEAL_TEST_LEASE_MS: z.coerce.number().int().min(1_000).max(600_000).optional(),
  ANNEAL_WEBHOOK_KEY: z.string().min(32).optional(),
  ANNEAL_ALLOW_PRIVATE_WEBHOOKS: z.enum(['0', '1']).default('0'),
  ANNEAL_KEEP_ARTIFACTS: z
    .string()
    .refine((text) => (parseDuration(text) ?? 0) > 0, 'expected a duration above zero, such as 90d')
    .optional(),
  ANNEAL_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

export interface Config {
  home: string
  /** The servers of one installation; none where ANNEAL_URL is not set. */
  urls: string[]
  token: string | undefined
  databaseUrl: string | undefined
  temporalAddress: string | undefined
  temporalNamespace: string
  leaseMs: number | undefined
  /** Seals the secrets of webhooks, in place of the key in the home. */
  webhookKey: string | undefined
  /** Webhooks may call addresses inside. */
  allowsPrivateWebhooks: boolean
  /** Milliseconds that outputs stay whose job does not say. */
  keepArtifacts: number | undefined
  logLevel: string
}

/** Reads the environment that is passed in; a bad value fails with `invalid_request`, naming the variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  // An empty variable is one that is not set: so it comes from compose files and unit files.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const result = Environment.safeParse(set)
  if (!result.success) {
    const [issue] = result.error.issues
    const name = String(issue?.path[0])
    const value = ['ANNEAL_TOKEN', 'DATABASE_URL', 'ANNEAL_WEBHOOK_KEY'].includes(name)
      ? '(not shown)'
      : JSON.stringify(env[name])
    throw new Failure('invalid_request', `The environment variable ${name} is ${value}: ${issue?.message}`, {
      next: `Mend or unset ${name}.`,
    })
  }
  const read = result.data
  return {
    home: resolve(read.ANNEAL_HOME ?? join(homedir(), '.anneal')),
    urls: read.ANNEAL_URL ? parseServers(read.ANNEAL_URL) : [],
    token: read.ANNEAL_TOKEN,
    databaseUrl: read.DATABASE_URL,
    temporalAddress: read.TEMPORAL_ADDRESS,
    temporalNamespace: read.TEMPORAL_NAMESPACE,
    leaseMs: read.ANNEAL_TEST_LEASE_MS,
    webhookKey: read.ANNEAL_WEBHOOK_KEY,
    allowsPrivateWebhooks: read.ANNEAL_ALLOW_PRIVATE_WEBHOOKS === '1',
    keepArtifacts: read.ANNEAL_KEEP_ARTIFACTS === undefined ? undefined : parseDuration(read.ANNEAL_KEEP_ARTIFACTS),
    logLevel: read.ANNEAL_LOG_LEVEL,
  }
}

function areServers(text: string): boolean {
  try {
    return parseServers(text).length > 0
  } catch {
    return false
  }
}
