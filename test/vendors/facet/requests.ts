import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The request of the check values, with more of its fields. */
export function body(more: Record<string, unknown> = {}, top: Record<string, unknown> = {}) {
  return {
    processed_dataset_id: 'ds 1',
    hf_token: 'hf_secretvalue',
    training_config: { base_model_id: 'google/gemma-3-1b-it', ...more },
    ...top,
  }
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: what a service says, looked at piece by piece
  json: any
  headers: Headers
}

/** One call as a client of the service makes it. A string is sent as it is. */
export async function call(
  base: string,
  method: string,
  path: string,
  options: { body?: unknown; token?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { body: sent, token } = options
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...options.headers,
    },
    ...(sent === undefined ? {} : { body: typeof sent === 'string' ? sent : JSON.stringify(sent) }),
  })
  const text = await response.text()
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text), headers: response.headers }
}

/** The `curl` of the published page, as it stands there. */
export function publishedCurl(): string {
  return readFileSync(fileURLToPath(new URL('./start-training.sh', import.meta.url)), 'utf8')
}
