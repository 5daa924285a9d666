import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What the tests look at in a service of docker-compose.yml, merge keys resolved. */
export interface Service {
  image: string
  build?: { context: string; dockerfile: string; target: string }
  pull_policy?: string
  entrypoint?: string[]
  command?: string[]
  environment?: Record<string, string>
  init?: boolean
  restart?: string
  ports?: string[]
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
}

export interface ComposeFile {
  services: Record<string, Service>
  volumes: Record<string, unknown>
}

export const COMPOSE_TEXT = readFileSync(`${ROOT}/docker-compose.yml`, 'utf8')

/** The file as it stands, variables not filled in. */
export function readCompose(): ComposeFile {
  return parse(COMPOSE_TEXT, { merge: true }) as ComposeFile
}

/** One use of a variable: `${NAME}`, `${NAME:-fallback}` or `${NAME:?text}`. */
export interface Use {
  name: string
  kind: ':-' | ':?' | undefined
  text: string
}

const USE = /\$\{(\w+)(?:(:-|:\?)([^}]*))?\}/g

export function usesOf(text: string): Use[] {
  return [...text.matchAll(USE)].map(([, name = '', kind, rest = '']) => ({
    name,
    kind: kind as Use['kind'],
    text: rest,
  }))
}

/** Fills in variables as Compose does. Throws the file's own text for one that must be set and is not. */
export function interpolate<T>(value: T, env: Record<string, string>): T {
  const fill = (text: string) =>
    text.replace(USE, (_, name: string, kind?: string, rest = '') => {
      if (env[name]) return env[name]
      if (kind === ':?') throw new Error(`${name}: ${rest}`)
      return kind === ':-' ? rest : ''
    })
  const filled = JSON.stringify(value, (_, part) => (typeof part === 'string' ? fill(part) : part))
  return JSON.parse(filled) as T
}
