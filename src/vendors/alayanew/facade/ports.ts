import { updateRecord } from '../../../store/vendor-records.js'
import { MAX_CUSTOM_PORTS, PortBody, RESERVED_PORTS } from '../wire.js'
import { invalid, notFound, parseInput, Refusal } from './answer.js'
import { type Call, type Handler, jsonBody, param } from './call.js'
import { bodyOf, lockJobRecord } from './jobs.js'
import { onePod } from './pods.js'
import type { JobBody } from './records.js'

type Port = JobBody['ports'][string][number]

/**
 * Ports are kept account of and not forwarded: a process here listens on its host itself, at the port's own number. The
 * platform opens none (`ports`), the user's are `customPorts` (reference §7).
 */
export const listPorts: Handler = async (call) => {
  const { record, podName } = await onePod(call)
  const { externalHost } = call.deps.config
  const own = bodyOf(record).ports[podName] ?? []
  return { ports: [], customPorts: own.map((port) => ({ ...port, externalHost, externalPort: port.port })) }
}

export const openPort: Handler = (call) =>
  changePorts(call, (open, { port, protocol }) => {
    if (RESERVED_PORTS.includes(port)) throw invalid('port', `${port} is reserved for the platform`)
    if (open.some((other) => other.port === port)) throw new Refusal(409, `Port ${port} is open already`)
    if (open.length >= MAX_CUSTOM_PORTS) throw new Refusal(409, `${MAX_CUSTOM_PORTS} ports are open already`)
    return [...open, { protocol, port }]
  })

export const closePort: Handler = (call) =>
  changePorts(call, (open, { port }) => {
    if (!open.some((other) => other.port === port)) throw notFound('open port', String(port))
    return open.filter((other) => other.port !== port)
  })

async function changePorts(call: Call, change: (open: Port[], wanted: Port) => Port[]) {
  const wanted = parseInput(PortBody, jsonBody(call))
  await onePod(call)
  const podName = param(call, 'podName')
  await call.deps.store.transact(async (tx) => {
    const { record } = await lockJobRecord(tx, call)
    const body = bodyOf(record)
    const ports = { ...body.ports, [podName]: change(body.ports[podName] ?? [], wanted) }
    await updateRecord(tx, record, { body: { ...body, ports } satisfies JobBody })
  })
  return {}
}
