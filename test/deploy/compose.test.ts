import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { TEMPORAL_SERVER_VERSION } from '../../scripts/temporal-server/build.mjs'
import { misunderstood } from './command-line.js'
import { COMPOSE_TEXT, interpolate, ROOT, readCompose, type Service, usesOf } from './compose-file.js'

const compose = readCompose()
const services = Object.entries(compose.services)
const OURS = ['server', 'worker', 'host']
const SECRETS = { POSTGRES_PASSWORD: 'p', ANNEAL_ADMIN_TOKEN: 'a', ANNEAL_HOST_TOKEN: 'h' }

/** It ends by itself, and others wait for that end. */
const isOneShot = (service: Service) => service.restart?.startsWith('on-failure') ?? false
const serviceOf = (name: string) => compose.services[name] as Service

describe('docker-compose.yml', () => {
  test('is what the Compose Specification allows', () => {
    const { $schema: _, ...schema } = JSON.parse(readFileSync(`${ROOT}/test/fixtures/compose-spec/schema.json`, 'utf8'))
    const { error } = z.fromJSONSchema(schema, { defaultTarget: 'draft-7' }).safeParse(interpolate(compose, SECRETS))
    expect(error?.issues ?? []).toEqual([])
  })

  test('has the services of the several-machine form', () => {
    expect(services.map(([name]) => name)).toEqual([
      'postgresql',
      'temporal-schema',
      'temporal',
      'temporal-namespace',
      'temporal-ui',
      ...OURS,
    ])
  })

  test.each(services)('pins the image of %s to a full version', (_, { image }) => {
    expect(image).toMatch(/^[a-z0-9/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
  })

  test('runs one version of Temporal and of its tools: the one that the slow tests build', () => {
    const images = ['temporal-schema', 'temporal', 'temporal-namespace'].map((name) => serviceOf(name).image)
    expect(new Set(images.map((image) => image.split(':')[1]))).toEqual(new Set([TEMPORAL_SERVER_VERSION]))
    const module = readFileSync(join(ROOT, 'scripts/temporal-server/go.mod'), 'utf8')
    expect(module).toContain(`require go.temporal.io/server v${TEMPORAL_SERVER_VERSION}\n`)
  })

  test('names our images by the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(OURS.map((name) => serviceOf(name).image)).toEqual([
      `anneal:${version}`,
      `anneal:${version}`,
      `anneal-host:${version}`,
    ])
  })

  test('builds each of our images in one service alone, and pulls none of them', () => {
    const built = services.filter(([, { build }]) => build).map(([, { image }]) => image)
    expect(built).toHaveLength(new Set(built).size)
    for (const name of OURS) {
      const { image, build, pull_policy } = serviceOf(name)
      expect(built).toContain(image)
      if (!build) expect(pull_policy).toBe('never')
    }
  })

  test.each(services)('gives %s a health check, unless it ends by itself', (_, service) => {
    if (isOneShot(service)) expect(service.healthcheck).toBeUndefined()
    else expect(service.healthcheck?.test).toEqual(['CMD', expect.any(String), ...anyStrings(service)])
  })

  test.each(services)('starts %s again when it fails, and for ever when it serves', (_, service) => {
    expect(service.restart).toMatch(isOneShot(service) ? /^on-failure:\d+$/ : /^unless-stopped$/)
  })

  test.each(services)('lets %s wait for what there is, in the way that it can be waited for', (_, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const target = compose.services[name]
      expect(target, `depends on ${name}`).toBeDefined()
      expect(condition).toBe(isOneShot(target as Service) ? 'service_completed_successfully' : 'service_healthy')
    }
  })

  test('can be started in some order', () => {
    const started = new Set<string>()
    for (let before = -1; before !== started.size; ) {
      before = started.size
      for (const [name, { depends_on = {} }] of services)
        if (Object.keys(depends_on).every((needed) => started.has(needed))) started.add(name)
    }
    expect(started).toEqual(new Set(Object.keys(compose.services)))
  })

  test('declares every named volume that it uses, and no other; binds only what the repository holds', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] as string))
    const folders = sources.filter((source) => source.startsWith('.'))
    expect(new Set(sources.filter((source) => !source.startsWith('.')))).toEqual(new Set(Object.keys(compose.volumes)))
    for (const folder of folders) expect(existsSync(join(ROOT, folder)), folder).toBe(true)
  })

  test('publishes ports on loopback alone', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? [])
    expect(ports).toHaveLength(3)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test.each(OURS)('gives %s a first process that reaps', (name) => {
    expect(serviceOf(name).init).toBe(true)
  })

  test.each(OURS)('starts %s by a command of ours, with flags that it has', async (name) => {
    const { command = [] } = serviceOf(name)
    expect(command[0]).toBe(name)
    expect(await misunderstood(command)).toEqual([])
    expect(await misunderstood([...command, '--bogus'])).toEqual(['--bogus'])
  })

  test('gives every variable a default or a word on what to set', () => {
    const uses = usesOf(COMPOSE_TEXT)
    expect(uses.length).toBeGreaterThan(5)
    for (const { name, kind, text } of uses) {
      expect(kind, name).toBeDefined()
      if (kind === ':?') expect(text, name).toMatch(/^set it in \.env/)
    }
  })

  test('lists every variable in the example file, and there none with a secret in it', () => {
    const example = readFileSync(join(ROOT, 'deploy/compose.env.example'), 'utf8')
    const required = usesOf(COMPOSE_TEXT).filter(({ kind }) => kind === ':?')
    for (const { name } of required) expect(example).toMatch(new RegExp(`^${name}=$`, 'm'))
    const optional = [...example.matchAll(/^#(\w+)=/gm)].map(([, name]) => name as string)
    for (const name of optional) expect(usesOf(COMPOSE_TEXT).map((use) => use.name)).toContain(name)
    expect(new Set(usesOf(COMPOSE_TEXT.replace(/^ *#.*$/gm, '')).map(({ name }) => name))).toEqual(
      new Set([...required.map(({ name }) => name), ...optional]),
    )
  })

  test('holds no secret: each comes from the environment, and nothing starts without it', () => {
    const isSecret = (name: string) => /(PASSWORD|PWD|TOKEN|SECRET|KEY)/.test(name)
    const secrets = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => isSecret(name)),
    )
    expect(secrets.length).toBeGreaterThan(5)
    for (const [name, value] of secrets) expect(value, name).toMatch(/^\$\{\w+:\?[^}]+\}$/)
    for (const [name, { environment = {} }] of services)
      for (const value of Object.values(environment)) expect(value, name).not.toMatch(/\/\/[^/@]*:[^/@]*@/)
    for (const name of Object.keys(SECRETS))
      expect(() => interpolate(compose, { ...SECRETS, [name]: '' })).toThrow(`${name}: set it in .env`)
  })

  test('speaks only to services that there are', () => {
    for (const [name, { environment = {}, command = [] }] of services) {
      const text = [...Object.values(environment), ...command].join(' ')
      for (const [, host] of text.matchAll(/(?:@|\/\/|^| )([a-z][a-z-]+):\d+/g))
        expect(Object.keys(compose.services), name).toContain(host)
    }
  })
})

function anyStrings(service: Service): unknown[] {
  return (service.healthcheck?.test ?? []).slice(2).map(() => expect.any(String))
}
