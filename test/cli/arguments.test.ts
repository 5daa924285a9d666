import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../support/server-process.js'
import { type Anneal, buildAnneal } from './anneal.js'

let anneal: Anneal
let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'anneal-home-'))
  anneal = await buildAnneal({ ANNEAL_HOME: home })
})
afterAll(async () => {
  await anneal.remove()
  await rm(home, { recursive: true })
})

test('the version is that of the package', async () => {
  expect(await anneal.run(['--version'])).toMatchObject({ code: 0, stdout: '1.2.3\n', stderr: '' })
})

test('the help names every command and goes to stdout', async () => {
  const { code, stdout } = await anneal.run(['--help'])
  expect(code).toBe(0)
  for (const name of ['up', 'run', 'submit', 'list|ls', 'show', 'logs', 'wait', 'stop', 'retry', 'events']) {
    expect(stdout).toContain(`  ${name} `)
  }
})

test('the help of a command has its flags', async () => {
  for (const args of [
    ['run', '--help'],
    ['help', 'run'],
  ]) {
    const { code, stdout } = await anneal.run(args)
    expect(code).toBe(0)
    expect(stdout).toContain('--gpus <count>')
  }
})

test('without arguments the help goes to stderr and the exit code says that nothing was done', async () => {
  const { code, stdout, stderr } = await anneal.run([])
  expect(code).toBe(64)
  expect(stdout).toBe('')
  expect(stderr).toContain('Usage: anneal')
})

test('an unknown command is refused with the nearest one', async () => {
  const { code, stdout, stderr } = await anneal.run(['sbumit'])
  expect(stderr).toBe("error: unknown command 'sbumit'\n(Did you mean submit?)\nnext: see anneal --help\n")
  expect(stdout).toBe('')
  expect(code).toBe(64)
})

test('an unknown flag is refused with the nearest one', async () => {
  const { code, stderr } = await anneal.run(['run', '--gpsu', '1', '--', 'true'])
  expect(stderr).toBe("error: unknown option '--gpsu'\n(Did you mean --gpus?)\nnext: see anneal run --help\n")
  expect(code).toBe(64)
})

test.each([
  [['run', '--gpus', 'many', '--', 'true'], /--gpus.*'many' is invalid\. Expected a whole number/],
  [['run', '--env', 'NAME', '--', 'true'], /--env.*'NAME' is invalid\. Expected NAME=VALUE/],
  [['wait', 'x', '--timeout', '10'], /--timeout.*'10' is invalid\. Expected a duration such as/],
  [['list', '--state', 'dead'], /--state.*'dead' is invalid\. Expected one of queued, pending/],
  [['show'], /missing required argument 'ref'/],
  [['run'], /There is nothing to run/],
])('%j is refused, saying what was expected', async (args, message) => {
  const { code, stderr } = await anneal.run(args)
  expect(stderr).toMatch(message)
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^next: /)
  expect(code).toBe(64)
})

test('`up` hands its flags on', async () => {
  const flags = '--home /h --port 1 --gateway-port 2 --temporal-port 3 --devices 4 --host 127.0.0.2'.split(' ')
  const { stdout, code } = await anneal.run(['up', ...flags, '--gateway-open', '--stop-jobs', '--insecure'])
  const numbers = { port: 1, gatewayPort: 2, temporalPort: 3, devices: 4 }
  const switches = { gatewayOpen: true, stopJobs: true, insecure: true }
  expect(JSON.parse(stdout)).toEqual(['up', { home: '/h', host: '127.0.0.2', ...numbers, ...switches }])
  expect(code).toBe(0)
})

test('`server`, `worker` and `host` hand their flags on', async () => {
  const calls = [
    ['server', '--port', '1', '--gateway-port', '2', '--host', '::1', '--insecure'],
    ['worker', '--home', '/h'],
    ['host', '--url', 'http://s', '--name', 'n', '--pool', 'p', '--devices', '2'],
    ['host', '--token-file', '/t', '--label', 'rack=a3', '--label', 'nvlink'],
  ]
  const said = await Promise.all(calls.map(async (args) => JSON.parse((await anneal.run(args)).stdout)))
  expect(said).toEqual([
    ['serverMain', { port: 1, gatewayPort: 2, host: '::1', insecure: true }],
    ['workerMain', { home: '/h' }],
    ['hostMain', { url: 'http://s', name: 'n', pool: 'p', devices: 2 }],
    ['hostMain', { tokenFile: '/t', label: { rack: 'a3', nvlink: '' } }],
  ])
})

test('without a server the next step is to start one', async () => {
  const { code, stderr } = await anneal.run(['list'])
  expect(stderr).toBe(
    `error: No server runs here: there is no ${join(home, 'up.json')}\nnext: start it with: npx anneal up\n`,
  )
  expect(code).toBe(72)
})

test('a server that does not answer any more is named, with the next step', async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  await writeFile(join(home, 'up.json'), JSON.stringify({ url, pid: 1 }))
  await writeFile(join(home, 'token'), 'anneal_x\n')
  for (const args of [['list'], ['logs', '-f', 'x'], ['run', '--no-workdir', '--', 'true']]) {
    const { code, stderr } = await anneal.run(args)
    expect(stderr).toContain(`error: The server at ${url} cannot be reached (ECONNREFUSED)`)
    expect(stderr).toContain('\nnext: start it with: npx anneal up\n')
    expect(code).toBe(72)
  }
})

test('a URL that is none is refused', async () => {
  const { code, stderr } = await anneal.run(['list', '--url', 'localhost:7480'])
  expect(stderr).toContain('"localhost:7480" is no URL of a server')
  expect(code).toBe(64)
})

test("the home's own token is not sent to another machine", async () => {
  await writeFile(join(home, 'token'), 'anneal_x\n')
  const { code, stderr } = await anneal.run(['list', '--url', 'http://192.0.2.1:7480'])
  expect(stderr).toBe('error: There is no token for http://192.0.2.1:7480\nnext: set ANNEAL_TOKEN or pass --token\n')
  expect(code).toBe(66)
})
