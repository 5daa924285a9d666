import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'
import type { HostOptions } from '../../src/host.js'
import { cleanUp, DEVICES } from './host-under-test.js'
import type { StandIn } from './stand-in.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ENTRY = `
import { pino } from 'pino'
import { startHost } from './host.js'
const options = JSON.parse(process.argv[2])
await startHost({ ...options, env: process.env, logger: pino({ level: 'warn' }, pino.destination(2)) })
process.send('ready')
`

/** Where the compiled agent lies; filled before the tests of a file and removed after them. */
let compiled: string

/** For test files that kill agents: an agent in a process of its own is compiled once per file. */
export function compileAgent(): void {
  beforeAll(async () => {
    mkdirSync(join(root, '.cache'), { recursive: true })
    compiled = mkdtempSync(join(root, '.cache', 'agent-'))
    const sources = ['host.ts', 'runner/**/*.ts', 'schema/*.ts', 'crash-point.ts'].map((path) =>
      join(root, 'src', path),
    )
    const layout = { outdir: join(compiled, 'dist'), outbase: join(root, 'src') }
    await build({
      entryPoints: sources,
      ...layout,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'warning',
    })
    for (const asset of ['wrapper.sh', 'spawn-server.js'])
      copyFileSync(join(root, 'src/runner', asset), join(compiled, 'dist/runner', asset))
    for (const hook of ['setup-python', 'stall-python']) {
      cpSync(join(root, 'src/runner', hook), join(compiled, 'dist/runner', hook), { recursive: true })
    }
    copyFileSync(join(root, 'package.json'), join(compiled, 'package.json'))
    writeFileSync(join(compiled, 'dist/agent.js'), ENTRY)
  })
  afterAll(() => rmSync(compiled, { recursive: true, force: true }))
}

/** An agent in a process of its own, which can be killed like one. `crashAt` names a crash point. */
export class AgentProcess {
  private constructor(private readonly child: ChildProcess) {}

  static async start(server: StandIn, home: string, more: Partial<HostOptions> & { crashAt?: string } = {}) {
    const { crashAt, ...rest } = more
    const options = { serverUrl: server.url, token: 't', home, name: 'box', pool: 'default', devices: DEVICES, ...rest }
    const env = { ...process.env, ...(crashAt ? { ANNEAL_CRASH_AT: crashAt } : {}) }
    const child = spawn(process.execPath, [join(compiled, 'dist/agent.js'), JSON.stringify(options)], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const agent = new AgentProcess(child)
    cleanUp(() => agent.kill())
    await Promise.race([once(child, 'message'), once(child, 'exit')])
    return agent
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.gone()
  }

  async gone(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
  }
}
