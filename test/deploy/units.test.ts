import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { misunderstood } from './command-line.js'
import { ROOT } from './compose-file.js'
import { readUnit } from './unit-file.js'

const FOLDER = join(ROOT, 'deploy/systemd')
const UNITS = ['anneal', 'anneal-host', 'anneal-server', 'anneal-worker'].map((name) => `${name}.service`)
/** Those whose process starts trainings. */
const AGENTS = ['anneal.service', 'anneal-host.service']
const INSTALLED = '/usr/bin/node /opt/anneal/bin/anneal.js '
const canVerify = spawnSync('systemd-analyze', ['--version']).status === 0
const unitOf = (name: string) => readUnit(join(FOLDER, name))

describe('the systemd units', () => {
  test('are these four', () => {
    const found = readdirSync(FOLDER).filter((name) => name.endsWith('.service'))
    expect(new Set(found)).toEqual(new Set(UNITS))
  })

  test.each(UNITS)('%s comes back after a failure and after a reboot, once there is a network', (name) => {
    const { Unit, Service, Install } = unitOf(name)
    expect(Unit).toMatchObject({
      After: ['network-online.target'],
      Wants: ['network-online.target'],
      StartLimitIntervalSec: ['0'],
    })
    expect(Service).toMatchObject({ Type: ['exec'], Restart: ['always'] })
    expect(Install).toEqual({ WantedBy: ['multi-user.target'] })
  })

  test.each(UNITS)('%s starts a command of ours, with flags that it has', async (name) => {
    const [start = ''] = unitOf(name).Service?.ExecStart ?? []
    expect(start.startsWith(INSTALLED)).toBe(true)
    const args = start.slice(INSTALLED.length).split(' ')
    expect(args[0]).toBe(name === 'anneal.service' ? 'up' : name.replace(/^anneal-(\w+)\.service$/, '$1'))
    expect(await misunderstood(args)).toEqual([])
  })

  test.each(UNITS)('%s runs as a user of its own, in a home that nobody else may read', (name) => {
    const { Service } = unitOf(name)
    const home = name.replace('.service', '')
    expect(Service).toMatchObject({
      User: ['anneal'],
      Group: ['anneal'],
      StateDirectory: [home],
      StateDirectoryMode: ['0700'],
      WorkingDirectory: [`/var/lib/${home}`],
      Environment: [expect.stringMatching(`^ANNEAL_HOME=/var/lib/${home}( |$)`)],
      EnvironmentFile: ['/etc/anneal/anneal.env'],
    })
  })

  test.each(AGENTS)('%s leaves its trainings alive, and lets the agent contain them', (name) => {
    expect(unitOf(name).Service).toMatchObject({
      KillMode: ['process'],
      Delegate: ['yes'],
      OOMPolicy: ['continue'],
      TasksMax: ['infinity'],
    })
  })

  test.each(AGENTS)('%s has no sandbox, which its trainings would inherit', (name) => {
    const sandbox = Object.keys(unitOf(name).Service ?? {}).filter((key) =>
      /^(Protect|Private|Restrict|NoNew|Capab|System|Device|Memory)/.test(key),
    )
    expect(sandbox).toEqual([])
  })

  test.each(UNITS.filter((name) => !AGENTS.includes(name)))('%s, which starts none, has one', (name) => {
    expect(unitOf(name).Service).toMatchObject({
      NoNewPrivileges: ['yes'],
      CapabilityBoundingSet: [''],
      ProtectSystem: ['strict'],
      ProtectHome: ['yes'],
      PrivateDevices: ['yes'],
    })
  })

  test('anneal-host.service does not hand the secrets of server and store to the agent', () => {
    const [unset = ''] = unitOf('anneal-host.service').Service?.UnsetEnvironment ?? []
    expect(unset.split(' ')).toEqual(expect.arrayContaining(['DATABASE_URL', 'PGPASSWORD', 'ANNEAL_ADMIN_TOKEN']))
  })

  test('the example of the environment sets nothing secret', () => {
    const lines = readFileSync(join(FOLDER, 'anneal.env.example'), 'utf8').split('\n')
    const set = lines.filter((line) => line !== '' && !/^#( |#|$)/.test(line)).map((line) => line.replace(/^#/, ''))
    expect(set.length).toBeGreaterThan(5)
    for (const line of set) {
      expect(line).toMatch(/^[A-Z_]+=/)
      if (/^\w*(TOKEN|PASSWORD|SECRET)\w*=/.test(line)) expect(line).toMatch(/=$/)
      expect(line).not.toMatch(/:\/\/[^/@]*:[^/@]*@/)
    }
  })

  test.skipIf(!canVerify).each(UNITS)('systemd finds no fault with %s', (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'anneal-units-'))
    try {
      // Only the programs are elsewhere than on an installed machine.
      const text = readFileSync(join(FOLDER, name), 'utf8').replace('/usr/bin/node', process.execPath)
      writeFileSync(join(folder, name), text)
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, name)], {
        encoding: 'utf8',
      })
      expect({ status, stderr: stderr.split('\n').filter((line) => line.includes(name)) }).toEqual({
        status: 0,
        stderr: [],
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('every file that they name is in the repository', () => {
    for (const name of UNITS) {
      const text = readFileSync(join(FOLDER, name), 'utf8')
      for (const [, path = ''] of text.matchAll(/\/opt\/anneal\/(\w[\w./-]+)/g))
        expect(existsSync(join(ROOT, path)), `${name}: ${path}`).toBe(true)
    }
  })
})
