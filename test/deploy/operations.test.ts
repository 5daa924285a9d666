import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { misunderstood } from './command-line.js'
import { COMPOSE_TEXT, ROOT, readCompose } from './compose-file.js'

const TEXT = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')
const COMMANDS = [...TEXT.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) =>
  block
    .replace(/ +#.*$/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line !== ''),
)
const compose = readCompose()

describe('docs/operations.md', () => {
  test('names files that there are', () => {
    const paths = [...TEXT.matchAll(/(?<![\w/])(?:deploy|docs)\/[\w./-]*\w|docker-compose\.yml/g)].map(([path]) => path)
    expect(new Set(paths).size).toBeGreaterThan(5)
    for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true)
  })

  test('names every systemd unit', () => {
    for (const name of readdirSync(join(ROOT, 'deploy/systemd')).filter((file) => file.endsWith('.service')))
      expect(TEXT).toContain(name.replace('.service', ''))
  })

  test('gives commands of ours that there are, with flags that they have', async () => {
    const ours = COMMANDS.map((line) => /^(?:npx )?anneal (.*)$/.exec(line)?.[1]).filter((args) => args !== undefined)
    expect(ours.length).toBeGreaterThan(2)
    for (const args of ours) expect(await misunderstood(args.split(' ')), args).toEqual([])
  })

  test('gives commands of npm that the package has', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
    for (const [, name = ''] of TEXT.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(name)
  })

  test('speaks to services of docker-compose.yml, and names its images and volumes as they are', () => {
    const words = COMMANDS.filter((line) => /docker compose (exec|stop|up|logs)/.test(line))
      .map((line) => line.replace(/^.*docker compose (?:exec -T|exec|stop|up --detach|up|logs --follow)/, ''))
      .flatMap((rest) => (/^ (postgresql) /.test(rest) ? ['postgresql'] : rest.trim().split(/\s+/)))
      .filter((word) => /^[a-z][a-z-]*$/.test(word))
    expect(words).toContain('temporal-ui')
    for (const word of words) expect(Object.keys(compose.services), word).toContain(word)
    for (const [, volume = ''] of TEXT.matchAll(/-v anneal_(\w+):/g))
      expect(Object.keys(compose.volumes)).toContain(volume)
    for (const [image] of TEXT.matchAll(/\b(postgres|nvidia\/cuda|anneal(?:-host)?):\d[\w.-]*/g))
      expect(COMPOSE_TEXT).toContain(image)
  })

  test('tells of every port that is published, and of every variable that must be set', () => {
    for (const { ports = [] } of Object.values(compose.services))
      for (const port of ports) expect(TEXT).toMatch(new RegExp(`^\\| ${port.split(':').at(-1)} \\|`, 'm'))
    for (const name of ['ANNEAL_ADMIN_TOKEN', 'ANNEAL_HOST_TOKEN', 'ANNEAL_PORT', 'TEMPORAL_UI_PORT'])
      expect(TEXT).toContain(name)
  })
})
