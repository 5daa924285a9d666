import { createHmac } from 'node:crypto'
import { lookup as resolve } from 'node:dns'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { SECOND } from '../schema/duration.js'
import type { Target } from './webhook-seal.js'

/** All of a call: name, connection, answer. */
const CALL_LIMIT = 10 * SECOND
/** What is read of an answer, for the reason that is shown; the rest is not waited for. Bytes. */
const ANSWER_BOUND = 1024

/** What is no address of the internet (IANA special-purpose registries): this machine, its networks, metadata services among them. */
const INSIDE = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  INSIDE.addSubnet(net, bits, 'ipv4')
const GLOBAL = new BlockList()
GLOBAL.addSubnet('2000::', 3, 'ipv6')
/** Teredo, documentation and 6to4 carry or stand for other addresses. */
for (const [net, bits] of [
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const)
  INSIDE.addSubnet(net, bits, 'ipv6')

export interface Result {
  /** Null: it was taken. */
  error: string | null
  /** The receiver has said that it is gone for good. */
  isFinal?: boolean
}

/** Whether an address is none of the internet. Of IPv6 only global unicast is, so that no mapped or translated form is missed. */
export function isInside(address: string): boolean {
  if (isIP(address) === 4) return INSIDE.check(address, 'ipv4')
  return isIP(address) !== 6 || !GLOBAL.check(address, 'ipv6') || INSIDE.check(address, 'ipv6')
}

/** `v1,…` of the Standard Webhooks specification over id, time in seconds and body. */
export function signatureOf(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}

/**
 * Posts one message. Follows no redirect, reads a bounded answer, and ends within ten seconds. Unless `allowsInside`, it connects
 * to no address inside: a name is looked up once, and the connection goes to the very address that was checked.
 */
export async function callWebhook(
  { url, secret }: Target,
  { id, body }: { id: string; body: string },
  { allowsInside, within = CALL_LIMIT }: { allowsInside: boolean; within?: number },
): Promise<Result> {
  const { hostname, protocol } = new URL(url)
  const literal = hostname.replace(/^\[|\]$/g, '')
  if (!allowsInside && isIP(literal) !== 0 && isInside(literal)) return { error: refusal(literal) }
  const seconds = Math.floor(Date.now() / 1000)
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'anneal-webhook',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatureOf(secret, id, seconds, body),
  }
  const options = { method: 'POST', headers, agent: false, signal: AbortSignal.timeout(within) } as const
  const lookup = allowsInside ? {} : { lookup: lookupOutside }
  try {
    return await new Promise<Result>((done, fail) => {
      const request = (protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...options, ...lookup })
      request.on('response', (answer) => void resultOf(answer).then(done, fail))
      request.on('error', fail)
      request.end(body)
    })
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException
    return {
      error:
        name === 'AbortError' || name === 'TimeoutError' ? `no answer within ${within / 1000} s` : (code ?? message),
    }
  }
}

async function resultOf(answer: IncomingMessage): Promise<Result> {
  const status = answer.statusCode ?? 0
  if (status >= 200 && status < 300) {
    answer.destroy()
    return { error: null }
  }
  if (status >= 300 && status < 400) {
    answer.destroy()
    return { error: `HTTP ${status}: redirects are not followed` }
  }
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    parts.push(part)
    size += part.length
    if (size >= ANSWER_BOUND) break // and with it goes the connection
  }
  const text = Buffer.concat(parts).toString('utf8').slice(0, 200)
  return { error: `HTTP ${status}${text ? `: ${text}` : ''}`, isFinal: status === 410 }
}

const lookupOutside: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    const inside = addresses?.find(({ address }) => isInside(address))
    const [first] = addresses ?? []
    const failure = error ?? (inside || !first ? refused(inside?.address ?? hostname) : null)
    if (failure) return callback(failure, '', 0)
    if (options.all) return callback(null, addresses)
    callback(null, first?.address ?? '', first?.family)
  })
}

function refused(address: string): NodeJS.ErrnoException {
  return new Error(refusal(address))
}

function refusal(address: string): string {
  return `${address} is an address inside, which webhooks may not call; ANNEAL_ALLOW_PRIVATE_WEBHOOKS=1 on the server allows it`
}
