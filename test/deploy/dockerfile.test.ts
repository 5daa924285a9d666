import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT, readCompose } from './compose-file.js'

const TEXT = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8')
const IGNORED = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))

interface Instruction {
  name: string
  rest: string
}

const INSTRUCTIONS: Instruction[] = TEXT.replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.split(' ', 1)[0] as string, rest: line.slice(line.indexOf(' ') + 1).trim() }))

/** Each stage by its name, from its FROM on. */
const STAGES = new Map<string, Instruction[]>()
for (const instruction of INSTRUCTIONS) {
  if (instruction.name === 'FROM') STAGES.set(instruction.rest.split(' AS ')[1] ?? '', [instruction])
  else [...STAGES.values()].at(-1)?.push(instruction)
}
const stage = (name: string) => STAGES.get(name) ?? []
const copies = INSTRUCTIONS.filter(({ name }) => name === 'COPY').map(({ rest }) => rest.split(' '))

describe('deploy/Dockerfile', () => {
  test('copies only what there is, and what .dockerignore lets in', () => {
    const sources = copies.filter((words) => !words[0]?.startsWith('--from=')).flatMap((words) => words.slice(0, -1))
    expect(sources).toEqual(expect.arrayContaining(['src', 'package-lock.json', 'deploy/health.mjs']))
    expect(IGNORED[0]).toBe('*')
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true)
      expect(IGNORED).toContain(`!${source.split('/')[0]}`)
    }
  })

  test('takes nothing into the build that is not meant to be published', () => {
    for (const outside of ['.env', '.git', 'node_modules', 'dist', 'test']) expect(IGNORED).not.toContain(`!${outside}`)
  })

  test('copies from stages that come before', () => {
    const names = [...STAGES.keys()]
    for (const [name, instructions] of STAGES) {
      for (const { name: kind, rest } of instructions) {
        const from = kind === 'COPY' ? /^--from=(\S+)/.exec(rest)?.[1] : undefined
        if (from) expect(names.slice(0, names.indexOf(name)), `${name} copies from ${from}`).toContain(from)
      }
    }
  })

  test('stands on a pinned Node on Debian, which is new enough for the package', () => {
    const [, version = '', os] = /^ARG NODE=node:(\d+\.\d+\.\d+)-(.*)$/m.exec(TEXT) ?? []
    expect(os).toBe('bookworm-slim')
    const [major = 0, minor = 0] = version.split('.').map(Number)
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(20_019)
    const bases = [...STAGES.values()].map(([from]) => from?.rest.split(' AS ')[0])
    const allowed = ['NODE', 'HOST_BASE'].map((name) => `\${${name}}`)
    expect(new Set(bases)).toEqual(new Set([...allowed, 'scratch', 'toolchain']))
  })

  test.each(['control', 'host'])('gives the image %s a user that is not root, and our program to run', (name) => {
    expect(stage(name).filter((instruction) => instruction.name === 'USER')).toEqual([{ name: 'USER', rest: 'anneal' }])
    const entry = stage(name).find((instruction) => instruction.name === 'ENTRYPOINT')
    expect(JSON.parse(entry?.rest ?? '')).toEqual(['node', '/app/bin/anneal.js'])
    expect(stage(name).some(({ rest }) => rest.startsWith('--from=anneal'))).toBe(true)
  })

  test('puts only production dependencies and a fresh build into the images', () => {
    expect(stage('dependencies').map(({ rest }) => rest)).toContain('npm ci --omit=dev --no-audit --no-fund')
    expect(stage('build').at(-1)?.rest).toBe('node scripts/build.mjs')
    const taken = stage('anneal').map(({ rest }) => rest)
    expect(taken).toContain('--from=dependencies /app/node_modules /app/node_modules')
    expect(taken).toContain('--from=build /app/dist /app/dist')
  })

  test('gives the host what trainings need: Python with pip and venv, and certificates', () => {
    const installed = stage('host').find(({ rest }) => rest.includes('apt-get install'))?.rest
    for (const name of ['python3', 'python3-pip', 'python3-venv', 'ca-certificates'])
      expect(installed?.split(' ')).toContain(name)
  })

  test('has the stages that docker-compose.yml builds', () => {
    for (const { build } of Object.values(readCompose().services)) {
      if (!build) continue
      expect(build.dockerfile).toBe('deploy/Dockerfile')
      expect([...STAGES.keys()]).toContain(build.target)
    }
  })

  test('leaves the health checks to docker-compose.yml, whose scripts are in the image', () => {
    expect(INSTRUCTIONS.map(({ name }) => name)).not.toContain('HEALTHCHECK')
    const scripts = ['server', 'worker', 'host'].map((name) => readCompose().services[name]?.healthcheck?.test[2])
    expect(new Set(scripts)).toEqual(new Set(['deploy/health.mjs']))
    expect(copies).toContainEqual(['deploy/health.mjs', '/app/deploy/'])
  })
})
