import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { RecordKey } from '../../../store/vendor-records.js'
import type { GatewayConfig } from '../config.js'
import { type Access, type Caller, identify, USERINFO } from '../sign.js'
import { Refusal } from './refusal.js'

/** What every operation of the facade stands on. */
export interface Here extends FacadeDeps<GatewayConfig> {
  access: Access
  /** Signs the URLs of downloads. */
  downloadKey: string
  /** Where the host of this machine keeps its runs. */
  runs: string
}

/** Reads the secrets that the configuration names, so that one that is missing is told at the start. */
export function settle(deps: FacadeDeps<GatewayConfig>): Here {
  const { config, folder, secret } = deps
  const access: Access = {
    tokens: config.tokens.map(({ secret: name, user, project }) => ({ token: secret(name), user, project })),
    jwt: config.jwt && { ...config.jwt, key: secret(config.jwt.key) },
    trustedProxy: config.trustedProxy,
  }
  const downloadKey = config.downloadKey ? secret(config.downloadKey) : ownKey(folder)
  // `folder` is <home>/gateway/facet; the agent of `anneal up` has its home in <home>/host.
  const runs = config.runs ?? join(folder, '..', '..', 'host', 'runs')
  return { ...deps, access, downloadKey, runs }
}

/** A key of this home's own, made once; of this process, in a home that cannot be written: its URLs end with it. */
function ownKey(folder: string): string {
  const file = join(folder, 'download.key')
  const key = randomBytes(32).toString('base64url')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!existsSync(file)) writeFileSync(file, key, { mode: 0o600, flag: 'wx' })
    chmodSync(file, 0o600)
    return readFileSync(file, 'utf8')
  } catch {
    return key
  }
}

/** Who calls; fails with 401. */
export function callerOf({ isOpen, access }: Here, request: FastifyRequest): Caller {
  if (isOpen) return { user: 'anybody', project: 'default' }
  const userinfo = request.headers[USERINFO]
  const caller = identify(
    { authorization: request.headers.authorization, userinfo: typeof userinfo === 'string' ? userinfo : undefined },
    access,
    Date.now(),
  )
  if ('refused' in caller) throw new Refusal(401, caller.refused)
  return caller
}

/** A user's jobs: an id has no part for the user in it, so the same id of another one is another job (reference §12). */
export function jobsOf({ user, project }: Caller): RecordKey {
  return { vendor: 'facet', project, kind: `job of ${user}` }
}
