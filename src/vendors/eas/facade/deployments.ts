import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../../schema/failure.js'
import type { CreatedService, ServiceDescription, ServiceView } from '../../../schema/service.js'
import type { Db, EasServiceRow } from '../../../store/database.js'
import { newSecret, sha256 } from '../../../store/ids.js'
import { submitJob } from '../../../store/jobs.js'
import { requestStop } from '../../../store/stop.js'
import { lockNamed, type Store, type Tx } from '../../../store/store.js'
import type { EasGateway } from '../config-gateway.js'
import { notUsed, type Plan, planOf, tokenSecret } from './deployment-plan.js'
import { scaleOf } from './dispatch.js'
import { queueRow } from './entries.js'
import { createService, deleteService, queueOf, serviceOf } from './queues.js'
import { type ServiceSettings, settingsOf } from './settings.js'
import { countTasks } from './task-rows.js'

export interface DeploymentDeps {
  store: Store
  config: EasGateway
  /** Where the gateway listens: `host:port`. */
  endpoint: () => string
  /** The folder in which the host of this machine looks for secrets. */
  secrets: string
}
type Caller = { project: string; actor: string }

/** Services as they are deployed, shown and taken away. */
export function createDeployments(deps: DeploymentDeps) {
  const { store, config } = deps
  const endpoint = () => config.endpoint ?? deps.endpoint()
  const find = async (q: Db, project: string, name: string): Promise<EasServiceRow> => {
    const service = await serviceOf(q, name, project)
    if (service) return service
    throw new Failure('not_found', `There is no service ${name}`, { next: 'See `anneal service list`.' })
  }

  return {
    /** Fails with `invalid_spec` for what cannot be served, `state_conflict` where the name is taken. */
    async create(caller: Caller, description: ServiceDescription): Promise<CreatedService> {
      const plan = planOf(description, config, endpoint())
      const token = plan.hasQueues ? newSecret() : null
      const forFrontEnd = plan.frontEnd ? (token ?? plan.givenToken) : undefined
      const service = await store.transact(async (tx) => {
        const made = await deploy(tx, config, caller, plan, token)
        // Last, so that a name that is taken leaves no trace; before the commit, so that the front end finds it.
        if (forFrontEnd !== undefined && forFrontEnd !== null)
          writeSecret(deps.secrets, tokenSecret(plan.name), forFrontEnd)
        return made
      })
      return { ...(await view(store.read, service, endpoint())), token }
    },

    async list(project: string): Promise<ServiceView[]> {
      const rows = await store.read
        .selectFrom('eas_services')
        .selectAll()
        .where('project', '=', project)
        .where('deleted_at', 'is', null)
        .orderBy('name')
        .execute()
      return Promise.all(rows.map((row) => view(store.read, row, endpoint())))
    },

    async show(project: string, name: string): Promise<ServiceView> {
      return view(store.read, await find(store.read, project, name), endpoint())
    },

    /** Its jobs are stopped, its front end too; what its queues hold is gone. */
    async remove(caller: Caller, name: string): Promise<void> {
      if (config.services[name]) {
        throw new Failure('state_conflict', `The service ${name} stands in vendors/eas.yaml`, {
          next: 'Take it out of that file, then start again.',
        })
      }
      await store.transact(async (tx) => takeAway(tx, caller, await find(tx.q, caller.project, name)))
      rmSync(join(deps.secrets, tokenSecret(name)), { force: true })
    },
  }
}

async function deploy(
  tx: Tx,
  config: EasGateway,
  { project, actor }: Caller,
  plan: Plan,
  token: string | null,
): Promise<EasServiceRow> {
  await lockNamed(tx, `eas-service:${plan.name}`)
  if (config.services[plan.name] || (await serviceOf(tx.q, plan.name))) {
    throw new Failure('state_conflict', `There is a service ${plan.name} already`, {
      next: `Choose another name, or delete it first: anneal service delete ${plan.name}`,
    })
  }
  const settings: ServiceSettings = { ...plan.settings }
  if (plan.frontEnd) {
    const { spec, port, isWeb } = plan.frontEnd
    const { job } = await submitJob(tx, { project, actor, spec })
    settings.frontEnd = { jobId: job.id, port, isWeb }
  }
  return createService(tx, {
    project,
    name: plan.name,
    isJobService: plan.hasQueues,
    tokenHash: token === null ? undefined : sha256(token),
    settings,
  })
}

async function takeAway(tx: Tx, { actor }: Caller, service: EasServiceRow): Promise<void> {
  const { frontEnd } = settingsOf(service)
  const tasks = await tx.q
    .selectFrom('eas_tasks')
    .select('job_id')
    .where('service_id', '=', service.id)
    .where('state', '=', 'given')
    .execute()
  const jobs = [frontEnd?.jobId, ...tasks.map(({ job_id }) => job_id)]
  for (const id of jobs) if (id) await requestStop(tx, id, { actor, force: false })
  await tx.q
    .updateTable('eas_tasks')
    .set({ state: 'done', ended_at: tx.now })
    .where('service_id', '=', service.id)
    .where('state', '!=', 'done')
    .execute()
  await deleteService(tx, service)
}

async function view(q: Db, service: EasServiceRow, endpoint: string): Promise<ServiceView> {
  const settings = settingsOf(service)
  const hasQueues = service.is_job_service === 1 || settings.type !== 'service'
  return {
    name: service.name,
    type: settings.type,
    project: service.project,
    createdAt: new Date(Number(service.created_at)).toISOString(),
    endpoint: hasQueues ? endpoint : null,
    instances: service.is_job_service === 1 ? await instancesOf(q, service, settings) : null,
    queues: hasQueues ? { input: await lengthOf(q, service, 'input'), sink: await lengthOf(q, service, 'sink') } : null,
    frontEnd: await frontEndOf(q, settings),
    mounts: settings.mounts,
    notUsed: settings.deployment ? notUsed(settings.deployment as ServiceDescription) : [],
    description: settings.deployment ?? null,
  }
}

async function instancesOf(q: Db, service: EasServiceRow, { scaling: { min, max } }: ServiceSettings) {
  const { instances } = await scaleOf(q, service)
  const running = await countTasks(q, service, 'given')
  return { now: instances, min, max, running, waiting: await countTasks(q, service, 'waiting') }
}

async function lengthOf(q: Db, service: EasServiceRow, kind: 'input' | 'sink'): Promise<number> {
  return Number((await queueRow(q, queueOf(service, kind))).length)
}

/** Where its page is: on the host that runs it. A host that is this machine is reached by loopback. */
async function frontEndOf(q: Db, { frontEnd }: ServiceSettings): Promise<ServiceView['frontEnd']> {
  if (!frontEnd) return null
  const { jobId, port, isWeb } = frontEnd
  const job = await q.selectFrom('jobs').select('state').where('id', '=', jobId).executeTakeFirst()
  const host = await q
    .selectFrom('attempts as a')
    .innerJoin('hosts as h', 'h.id', 'a.host_id')
    .select('h.name')
    .where('a.job_id', '=', jobId)
    .orderBy('a.number', 'desc')
    .executeTakeFirst()
  const machine = host?.name === hostname() ? '127.0.0.1' : host?.name
  const isShown = isWeb && port !== undefined && machine !== undefined && job?.state === 'running'
  return { jobId, state: job?.state ?? 'ended', address: isShown ? `http://${machine}:${port}` : null }
}

function writeSecret(folder: string, name: string, value: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, name), value, { mode: 0o600 })
}
