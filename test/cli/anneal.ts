import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** In place of the assembly files, which start real services: they say what they were called with. */
const SERVICES: Record<string, string> = {
  up: 'up',
  server: 'serverMain',
  worker: 'workerMain',
  'host-main': 'hostMain',
}

/** The command line program, compiled from the sources as they are now, in a folder of its own. */
export interface Anneal {
  /** Runs it to its end. */
  run(args: string[], options?: RunOptions): Promise<Ended>
  /** Starts it and lets the test look on. */
  start(args: string[], options?: RunOptions): Running
  remove(): Promise<void>
}

export interface RunOptions {
  env?: Record<string, string>
  cwd?: string
  stdin?: string | Buffer
}

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
  bytes: Buffer
}

export interface Running {
  child: ChildProcess
  stdout(): string
  stderr(): string
  ended: Promise<Ended>
}

/** `env` is in place for every run, beside PATH; nothing of the environment of the tests reaches the program. */
export async function buildAnneal(env: Record<string, string> = {}): Promise<Anneal> {
  const folder = await mkdtemp(join(tmpdir(), 'anneal-cli-'))
  await compile(folder)
  const base = { PATH: process.env.PATH ?? '', HOME: folder, ...env }
  const start = (args: string[], options: RunOptions = {}) => {
    const main = join(folder, 'dist/cli/main.js')
    const child = spawn(process.execPath, [main, ...args], { cwd: options.cwd, env: { ...base, ...options.env } })
    child.stdin.on('error', () => {})
    child.stdin.end(options.stdin ?? '')
    return watch(child)
  }
  return {
    start,
    run: (args, options) => start(args, options).ended,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function compile(folder: string): Promise<void> {
  const found = await readdir(join(root, 'src'), { recursive: true })
  const entryPoints = found.filter((path) => /^(version\.ts|(cli|client|schema)\/.*(?<!\.d)\.ts)$/.test(path))
  await build({
    entryPoints: entryPoints.map((path) => join(root, 'src', path)),
    outdir: join(folder, 'dist'),
    outbase: join(root, 'src'),
    format: 'esm',
    platform: 'node',
    logLevel: 'warning',
  })
  for (const name of ['node_modules', 'recipes', 'python']) await symlink(join(root, name), join(folder, name))
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "version": "1.2.3" }')
  await mkdir(join(folder, 'dist'), { recursive: true })
  for (const [file, name] of Object.entries(SERVICES)) {
    const text = `export async function ${name}(options) { console.log(JSON.stringify(['${name}', options])) }\n`
    await writeFile(join(folder, 'dist', `${file}.js`), text)
  }
}

function watch(child: ReturnType<typeof spawn>): Running {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  const stdout = () => Buffer.concat(out).toString()
  const stderr = () => Buffer.concat(err).toString()
  const ended = once(child, 'close').then(([code]) => {
    return { code: code as number | null, stdout: stdout(), stderr: stderr(), bytes: Buffer.concat(out) }
  })
  return { child, stdout, stderr, ended }
}

/** Looks again and again until it is so; fails with what is there instead. */
export async function until(holds: () => boolean | Promise<boolean>, shown: () => unknown = () => ''): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`it did not come true: ${String(shown())}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
