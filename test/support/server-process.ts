import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export { freePort } from '../../src/temporal/free-port.js'

export interface ServerProcessOptions {
  uid?: number
  gid?: number
  cwd?: string
  env?: NodeJS.ProcessEnv
}

/** A server that a test has started: it dies with the test's process, however that ends. */
export interface ServerProcess {
  pid: number
  /** What it has said so far on stdout and stderr: the last 64 kB. */
  output(): string
  /** Whether it has ended. */
  hasEnded(): boolean
  /** Sends the signal and waits for the end. Silent when it has ended already. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** Kills the server with the pipe on its stdin: that closes when the test's process is gone. `exec` keeps the pid. */
const DIES_WITH_PARENT = 'exec 3<&0 </dev/null; (read -r _ <&3; kill -KILL $$) >/dev/null 2>&1 & exec 3<&-; exec "$@"'
const OUTPUT_BYTES = 64 * 1024

/** Starts a server. Returns at once; use `waitUntilReady` for when it answers. */
export function startServerProcess(command: string[], options: ServerProcessOptions = {}): ServerProcess {
  const child = spawn('sh', ['-c', DIES_WITH_PARENT, 'sh', ...command], { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-OUTPUT_BYTES)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.stdin.on('error', () => {})
  child.on('error', (error) => keep(Buffer.from(error.message)))
  return {
    pid: child.pid ?? -1,
    output: () => output,
    hasEnded: () => hasEnded(child),
    end: async (signal) => {
      if (hasEnded(child)) return
      const ended = once(child, 'exit')
      child.kill(signal)
      child.kill('SIGCONT') // one that was stopped by a signal takes no other before
      await ended
    },
  }
}

/** Calls `probe` until it does not throw. Fails with what the server said when it ends first or does not answer in time. */
export async function waitUntilReady(name: string, server: ServerProcess, probe: () => Promise<void>, ms = 30_000) {
  const deadline = Date.now() + ms
  for (;;) {
    try {
      return await probe()
    } catch (error) {
      if (server.hasEnded()) throw new Error(`${name} ended at its start: ${server.output()}`)
      if (Date.now() > deadline) throw new Error(`${name} did not answer in ${ms} ms: ${error}\n${server.output()}`)
    }
    await sleep(50)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
