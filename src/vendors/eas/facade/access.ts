import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { EasServiceRow } from '../../../store/database.js'
import { sha256 } from '../../../store/ids.js'
import { type EasGateway, EasService, ServiceName } from '../config-gateway.js'
import type { Target } from './context.js'
import { headerOf } from './context.js'
import { placeOfPath } from './paths.js'
import { QueueProblem } from './problem.js'
import { createService, queueOf, serviceOf } from './queues.js'

/** The service of the trial gateway where a path names none. */
const OPEN_SERVICE = 'default'
const LIMITS = EasService.pick({ maxLength: true, maxPayloadBytes: true }).parse({})
const UNAUTHORIZED = 'unauthorized: no such service, or its token is another one'

/** The queue that a request means. A service that is unknown is answered like one whose token is another: 401. */
export async function targetOf(deps: FacadeDeps<EasGateway>, request: FastifyRequest): Promise<Target> {
  const place = placeOfPath(request.url.split('?', 1)[0] as string)
  if (!place || (place.hasSuffix && request.method !== 'POST')) throw new QueueProblem(404, 'there is no such queue')
  const token = headerOf(request, 'authorization')
  const name = place.name ?? (await deployedName(deps, token)) ?? defaultName(deps, request, token)
  if (name === undefined) throw new QueueProblem(401, UNAUTHORIZED)
  const service = await authorised(deps, name, token)
  return { queue: queueOf(service, place.kind), limits: deps.config.services[name] ?? LIMITS }
}

async function authorised(
  deps: FacadeDeps<EasGateway>,
  name: string,
  token: string | undefined,
): Promise<EasServiceRow> {
  const configured = deps.config.services[name]
  if (configured) {
    if (!deps.isOpen && !hasToken(deps, configured, token)) throw new QueueProblem(401, UNAUTHORIZED)
    return ensured(deps, name, configured)
  }
  const row = await serviceOf(deps.store.read, name)
  if (deps.isOpen) return row ?? ensured(deps, name, { project: 'default', isJobService: true })
  if (!row?.token_hash || !isSame(row.token_hash, token === undefined ? undefined : sha256(token))) {
    throw new QueueProblem(401, UNAUTHORIZED)
  }
  return row
}

/** The row of a service that the configuration names, or that the trial gateway makes for whoever asks. */
async function ensured(
  { store }: FacadeDeps<EasGateway>,
  name: string,
  wanted: { project: string; isJobService: boolean },
): Promise<EasServiceRow> {
  const isSo = (row: EasServiceRow | undefined) =>
    row?.project === wanted.project && row.is_job_service === Number(wanted.isJobService)
  const known = await serviceOf(store.read, name)
  if (known && isSo(known)) return known
  if (!ServiceName.safeParse(name).success) throw new QueueProblem(404, 'a service cannot have such a name')
  return store.transact(async (tx) => {
    const row = await serviceOf(tx.q, name)
    if (!row) return createService(tx, { ...wanted, name })
    if (isSo(row)) return row
    const change = { project: wanted.project, is_job_service: Number(wanted.isJobService) }
    await tx.q.updateTable('eas_services').set(change).where('id', '=', row.id).execute()
    return { ...row, ...change }
  })
}

/** The service at a path without a name: the default one, that of the host name (reference §1.3), or that of the token. */
function defaultName(deps: FacadeDeps<EasGateway>, request: FastifyRequest, token: string | undefined) {
  const { config } = deps
  const names = Object.keys(config.services)
  const isOf = (name: string) => hasToken(deps, config.services[name] as EasService, token)
  const labels = request.hostname?.split('.') ?? []
  const byHost = names.find((name) => labels.includes(name.replaceAll('_', '-')))
  return byHost ?? config.defaultService ?? (deps.isOpen ? OPEN_SERVICE : names.find(isOf))
}

/** The deployed service that has this token: clients of one that was deployed in one piece name none (reference §1.1). */
async function deployedName({ store }: FacadeDeps<EasGateway>, token: string | undefined): Promise<string | undefined> {
  if (token === undefined) return undefined
  const row = await store.read
    .selectFrom('eas_services')
    .select('name')
    .where('token_hash', '=', sha256(token))
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row?.name
}

/** A token that is not there lets nobody in, and is told in the log. */
function hasToken(deps: FacadeDeps<EasGateway>, service: EasService, token: string | undefined): boolean {
  try {
    return isSame(deps.secret(service.token), token)
  } catch (error) {
    deps.logger.error({ err: error }, 'the token of an EAS service cannot be read')
    return false
  }
}

function isSame(secret: string, token: string | undefined): boolean {
  if (token === undefined) return false
  const [a, b] = [Buffer.from(sha256(secret)), Buffer.from(sha256(token))]
  return timingSafeEqual(a, b)
}
