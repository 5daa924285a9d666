import { sign, timestampOf } from '../../../src/vendors/qianfan/sign.js'

export const KEYS = { accessKey: 'ak-1', secretKey: 'sk-1' }

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: the tests read replies of many shapes
  json: any
}

interface How {
  key?: { accessKey: string; secretKey: string }
  /** Of the client's clock, in milliseconds. */
  now?: number
  expirySeconds?: number
  signedHeaders?: readonly string[]
  /** Signs the host without its port, as Go and Java do. */
  isPortless?: boolean
  /** What `x-bce-date` says on the wire, when it is not what was signed. */
  date?: string
  method?: string
  query?: string
  /** Instead of the signed header. */
  authorization?: string
  /** As it is, instead of the JSON of a body. */
  raw?: string | Uint8Array<ArrayBuffer>
}

/** A signed call, as the service's own clients make it. */
export async function ask(url: string, action: string, body: unknown = {}, how: How = {}): Promise<Answer> {
  const target = new URL(`/v2/finetuning${how.query ?? `?Action=${action}`}`, url)
  const timestamp = timestampOf(how.now ?? Date.now())
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-bce-date': timestamp }
  const host = how.isPortless ? target.hostname : target.host
  const authorization = sign(
    {
      method: how.method ?? 'POST',
      path: target.pathname,
      query: [...target.searchParams],
      headers: { ...headers, host },
    },
    how.key ?? KEYS,
    {
      timestamp,
      expirySeconds: how.expirySeconds ?? 300,
      signedHeaders: how.signedHeaders ?? ['content-type', 'host', 'x-bce-date'],
    },
  )
  const response = await fetch(target, {
    method: how.method ?? 'POST',
    headers: { ...headers, 'x-bce-date': how.date ?? timestamp, authorization: how.authorization ?? authorization },
    ...(how.method === 'GET' ? {} : { body: how.raw ?? JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text ? JSON.parse(text) : undefined,
  }
}

/** What every test asks for that does not care. */
export const JOB = { name: 'digits', model: 'ERNIE-Speed-8K', trainMode: 'SFT' }
export const TASK = {
  parameterScale: 'LoRA',
  hyperParameterConfig: { epoch: 2 },
  datasetConfig: { sourceType: 'Platform', versions: [{ versionId: 'ds-1' }], splitRatio: 20 },
}
