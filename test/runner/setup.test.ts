import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Assignment } from '../../src/schema/agent.js'
import { AgentProcess, compileAgent } from './agent-process.js'
import { assignment, ended, LEVELS, newHome, newHost, newMachine, newServer, until } from './host-under-test.js'
import type { StandIn } from './stand-in.js'

compileAgent()

describe('the working directory', () => {
  it('is fetched, checked and unpacked before the process starts', async () => {
    const { server } = await newMachine()
    const workdir = server.addBlob(pack({ 'train.sh': 'echo trained with $(cat data/x)\n', 'data/x': '42\n' }))
    server.blobFailures = 1
    const job = assignment('sh train.sh; ln -s data/x link', { workdir })
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 0 })
    await until('the log is there', () => server.log(job).toString() === 'trained with 42\n')
  })

  it('is asked for again when its bytes are not what was named, until the job is stopped', async () => {
    const { server, home } = await newMachine()
    const workdir = server.addBlob(pack({ a: 'a' }))
    server.blobs.set(workdir, Buffer.from('something else'))
    const job = assignment('true', { workdir })
    server.want(job)
    await until('it was asked for twice', () => server.blobFailures <= -2)
    server.stop(job)
    expect(await ended(server, job)).toEqual({ phase: 'setup', code: null, signalled: true })
    expect(existsSync(join(home, 'runs', job.jobId, '1', 'process.json'))).toBe(false)
  })

  it.each([
    ['a path that climbs out', (folder: string) => ['-P', '-C', join(folder, 'in'), '../out']],
    ['an absolute path', (folder: string) => ['-P', join(folder, 'out')]],
    ['a link that leads out', (folder: string) => ['-C', join(folder, 'in'), 'leads-out']],
    ['an absolute link', (folder: string) => ['-C', join(folder, 'in'), 'leads-away']],
    ['a device', () => ['-P', '-C', '/', 'dev/null']],
  ])('is refused with %s, and nothing of it is unpacked', async (_, what) => {
    const { server, home } = await newMachine()
    const folder = mkdtempSync(join(home, 'pack-'))
    mkdirSync(join(folder, 'in'))
    writeFileSync(join(folder, 'out'), 'outside')
    symlinkSync('../../../out', join(folder, 'in', 'leads-out'))
    symlinkSync('/etc', join(folder, 'in', 'leads-away'))
    const job = assignment('true', { workdir: server.addBlob(execFileSync('tar', ['-cf', '-', ...what(folder)])) })
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'setup', code: null })
    expect(server.types(job)).toEqual(['accepted', 'refused', 'exited', 'empty'])
    expect(server.fact(job, 'refused')?.message).toMatch(/^the workdir is refused: /)
    expect(existsSync(join(home, 'runs', job.jobId, 'out'))).toBe(false)
  })
})

describe('a secret', () => {
  it('that is missing is named, with what to do', async () => {
    const { server } = await newMachine()
    const job = assignment('true', { secrets: ['HF_TOKEN'] })
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'setup', code: null })
    expect(server.fact(job, 'refused')?.message).toMatch(
      /HF_TOKEN is not on this host: set ANNEAL_SECRET_HF_TOKEN .* mode 0600/,
    )
  })

  it('that others can read is refused', async () => {
    const { server, home } = await newMachine()
    mkdirSync(join(home, 'secrets'))
    writeFileSync(join(home, 'secrets', 'HF_TOKEN'), 'value')
    chmodSync(join(home, 'secrets', 'HF_TOKEN'), 0o644)
    const job = assignment('true', { secrets: ['HF_TOKEN'] })
    server.want(job)
    await ended(server, job)
    expect(server.fact(job, 'refused')?.message).toMatch(/mode 0644.*chmod 600/)
    expect(server.fact(job, 'refused')?.message).not.toContain('value')
  })
})

describe.each(LEVELS)('a setup, contained by %s', (containment) => {
  it('is done once for the same command on the same files, and its work is there the next time', async () => {
    const { server, home } = await newMachine({ containment })
    const jobs = [1, 2].map(() => assignment('cat made-at', { setup: 'echo setting up; date +%N > made-at' }))
    for (const job of jobs) {
      server.want(job)
      expect(await ended(server, job)).toEqual({ phase: 'run', code: 0 })
    }
    const [first, second] = jobs as [Assignment, Assignment]
    expect(server.types(first)).toEqual(['accepted', 'setup', 'setup_done', 'started', 'exited', 'empty'])
    expect(server.fact(first, 'setup_done')?.cached).toBe(false)
    expect(server.fact(second, 'setup_done')?.cached).toBe(true)
    expect(await logOf(server, second)).toBe(await logOf(server, first))
    await until('its own stream is there', () => server.log(first, 'setup').toString() === 'setting up\n')
    expect(server.log(second, 'setup')).toHaveLength(0)
    expect(readdirSync(join(home, 'setups'))).toHaveLength(1)
  })

  it('that fails ends the attempt, and is not kept', async () => {
    const { server, home } = await newMachine({ containment })
    const job = assignment('true', { setup: 'echo no such thing >&2; exit 3' })
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'setup', code: 3 })
    expect(server.types(job)).toEqual(['accepted', 'setup', 'exited', 'empty'])
    await until('its log is there', () => server.log(job, 'setup').toString() === 'no such thing\n')
    expect(existsSync(join(home, 'setups'))).toBe(false)
  })

  it('is stopped without the process ever starting', async () => {
    const { server, home } = await newMachine({ containment })
    const job = assignment('echo ran', { setup: 'echo up; sleep 1000' })
    server.want(job)
    await until('it is up', () => server.log(job, 'setup').length > 0)
    server.stop(job)
    expect(await ended(server, job)).toEqual({ phase: 'setup', code: 143, signalled: true })
    expect(server.types(job)).not.toContain('started')
    expect(existsSync(join(home, 'runs', job.jobId, '1', 'process.json'))).toBe(false)
  })
})

it('what a setup installs by pip is there for the process and, kept, for the next attempt', async () => {
  const { server, home } = await newMachine()
  const workdir = server.addBlob(packWheel())
  const setup = `date +%N > made-at; ${INSTALL}`
  const command = 'cat made-at; digits-version; python3 -c "import digits; print(digits.__file__)"'
  const first = assignment(command, { setup, workdir })
  server.want(first)
  expect(await ended(server, first, 60_000)).toEqual({ phase: 'run', code: 0 })
  expect(server.fact(first, 'setup_done')?.cached).toBe(false)
  const second = assignment(command, { setup, workdir })
  server.want(second)
  expect(await ended(server, second)).toEqual({ phase: 'run', code: 0 })
  expect(server.fact(second, 'setup_done')?.cached).toBe(true)
  const [made, version, file] = (await logOf(server, first)).split('\n')
  const [madeAgain, versionAgain, fileAgain] = (await logOf(server, second)).split('\n')
  expect([madeAgain, versionAgain]).toEqual([made, version])
  expect(version).toBe('1.0')
  expect(file).toContain(join(home, 'runs', first.jobId, '1', 'env'))
  expect(fileAgain).toContain(join(home, 'setups'))
})

it('a virtual environment that a setup makes works for the next attempt too, under its new path', async () => {
  const { server, home } = await newMachine()
  const workdir = server.addBlob(packWheel())
  const setup = `python3 -m venv --system-site-packages .venv && . .venv/bin/activate && ${INSTALL}`
  const command = '. .venv/bin/activate; command -v digits-version; digits-version; echo $VIRTUAL_ENV'
  const jobs = [assignment(command, { setup, workdir }), assignment(command, { setup, workdir })]
  for (const job of jobs) {
    server.want(job)
    expect(await ended(server, job, 60_000)).toEqual({ phase: 'run', code: 0 })
    const venv = join(home, 'runs', job.jobId, '1', 'work', '.venv')
    expect(await logOf(server, job)).toBe(`${join(venv, 'bin/digits-version')}\n1.0\n${venv}\n`)
  }
  expect(server.fact(jobs[1] as never, 'setup_done')?.cached).toBe(true)
})

it('an agent that dies during a setup leaves it running, and its successor reports it', async () => {
  const server = await newServer()
  const home = newHome()
  const agent = await AgentProcess.start(server, home)
  const go = join(home, 'go')
  const job = assignment('exit 3', {
    setup: `echo once >> ${join(home, 'ran')}; while [ ! -e ${go} ]; do sleep 0.01; done`,
  })
  server.want(job)
  await until('the setup runs', () => server.fact(job, 'setup'))
  await agent.kill()
  await newHost(server, home)
  writeFileSync(go, '')
  expect(await ended(server, job)).toEqual({ phase: 'run', code: 3 })
  expect(server.types(job)).toEqual(['accepted', 'setup', 'setup_done', 'started', 'exited', 'empty'])
  expect(readFileSync(join(home, 'ran'), 'utf8')).toBe('once\n')
})

it('a stop that comes before anything was started ends the attempt without starting it', async () => {
  const server = await newServer()
  const home = newHome()
  const job = assignment('echo ran', { wanted: 'stop' })
  server.want(job)
  await newHost(server, home)
  expect(await ended(server, job)).toEqual({ phase: 'setup', code: null, signalled: true })
  expect(server.types(job)).toEqual(['exited', 'empty'])
})

const WHEEL = 'digits-1.0-py3-none-any.whl'
const INSTALL = `pip install --no-index --disable-pip-version-check -q ./${WHEEL}`

/** A package that pip installs without asking any index or building anything: a wheel is a zip of these files. */
function packWheel(): Buffer {
  const folder = newHome()
  const files = {
    'digits.py': 'def main():\n    print("1.0")\n',
    'digits-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: digits\nVersion: 1.0\n',
    'digits-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'digits-1.0.dist-info/entry_points.txt': '[console_scripts]\ndigits-version = digits:main\n',
    'digits-1.0.dist-info/RECORD': '',
  }
  const zip =
    'import sys, json, zipfile\nz = zipfile.ZipFile(sys.argv[1], "w")\nfor n, t in json.loads(sys.argv[2]).items(): z.writestr(n, t)\nz.close()'
  execFileSync('python3', ['-c', zip, join(folder, WHEEL), JSON.stringify(files)])
  return execFileSync('tar', ['-czf', '-', '-C', folder, '.'])
}

function pack(files: Record<string, string>): Buffer {
  const folder = newHome()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return execFileSync('tar', ['-czf', '-', '-C', folder, '.'])
}

async function logOf(server: StandIn, job: { jobId: string; attempt: number }): Promise<string> {
  return await until('the log is there', () => server.log(job).length > 0 && server.log(job).toString())
}
