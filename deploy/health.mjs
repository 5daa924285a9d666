// Whether one of our services does its work, for the health checks of docker-compose.yml:
//
//   node health.mjs server URL   it takes submits
//   node health.mjs worker       the worker of this container asks Temporal for work
//   node health.mjs host         the agent of this container has a connection to one of its servers
//
// Exit code 0 with a word on stdout, or 1 with the reason.
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { BlockList, isIPv6 } from 'node:net'
import { hostname } from 'node:os'

const ANSWER_WITHIN = 4_000
/** A poll lasts a minute at most, then the worker asks again. */
const POLLED_WITHIN = 120_000
/** Of a connection in /proc/net/tcp. */
const ESTABLISHED = '01'

const CHECKS = { server, worker, host }
const [role, ...args] = process.argv.slice(2)

try {
  const check = CHECKS[role]
  if (!check) throw new Error(`expected one of ${Object.keys(CHECKS).join(', ')}; got ${role}`)
  process.stdout.write(`${await check(...args)}\n`)
} catch (error) {
  process.stdout.write(`${error.message}${error.cause ? `: ${error.cause.message}` : ''}\n`)
  process.exitCode = 1
}

async function server(url) {
  const { temporal } = await getJson(new URL('/readyz', url))
  return `takes submits; Temporal: ${temporal}`
}

/** Temporal remembers who asked it for work, as `PID@HOSTNAME`; its HTTP port tells. */
async function worker() {
  const address = process.env.TEMPORAL_HTTP_ADDRESS ?? process.env.TEMPORAL_ADDRESS.replace(/:\d+$/, ':7243')
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default'
  const path = `/api/v1/namespaces/${namespace}/task-queues/control?taskQueueType=TASK_QUEUE_TYPE_WORKFLOW`
  const { pollers = [] } = await getJson(new URL(path, `http://${address}`))
  const own = pollers.filter(({ identity }) => identity.endsWith(`@${hostname()}`))
  const ages = own.map(({ lastAccessTime }) => Date.now() - Date.parse(lastAccessTime))
  if (!ages.some((age) => age < POLLED_WITHIN)) throw new Error('this worker has not asked for work lately')
  return 'asks for work'
}

async function host() {
  const urls = process.env.ANNEAL_URL.split(',').map((text) => new URL(text.trim()))
  for (const url of urls) if (await isConnectedTo(url)) return 'connected'
  throw new Error(`no connection to ${urls.map(({ host }) => host).join(' or ')}`)
}

async function isConnectedTo(url) {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const servers = new BlockList()
  const addresses = await lookup(url.hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => [])
  for (const { address, family } of addresses) servers.addAddress(address, `ipv${family}`)
  const isToServer = (peer) => peer.port === port && servers.check(peer.address, isIPv6(peer.address) ? 'ipv6' : 'ipv4')
  return connections().some(isToServer)
}

/** The far ends of all connections of this container. */
function connections() {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
    const rows = readText(path).split('\n').slice(1).filter(Boolean)
    const fields = rows.map((row) => row.trim().split(/\s+/))
    return fields.filter(([, , , state]) => state === ESTABLISHED).map(([, , peer]) => parsePeer(peer))
  })
}

/** `0100007F:1D38`: each four bytes of the address in the order of this machine, which is little-endian. */
function parsePeer(text) {
  const [hex, port] = text.split(':')
  const words = hex.match(/.{8}/g).map((word) => Buffer.from(word, 'hex').reverse())
  const bytes = Buffer.concat(words)
  const groups = bytes.toString('hex').match(/.{4}/g)
  const isMapped = groups?.slice(0, 6).join('') === '00000000000000000000ffff'
  const address = bytes.length === 4 || isMapped ? [...bytes.subarray(-4)].join('.') : groups.join(':')
  return { address, port: Number.parseInt(port, 16) }
}

/** Empty where there is no IPv6. */
function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

async function getJson(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response.json()
}
