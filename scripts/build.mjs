// Builds `src/` into `dist/`: `node scripts/build.mjs [--crash-points]`. Quick when nothing has changed.
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashOf, listFiles, readJson, writeWhole } from './build/files.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')
const keepCrashPoints = process.argv.includes('--crash-points')
const out = join(root, keepCrashPoints ? 'dist-crash' : 'dist')
const stampFile = join(out, '.stamp')
const bundleFile = join(out, 'workflow-bundle.js')

const sources = listFiles(src)
const hasWorkflows = existsSync(join(src, 'workflows/index.ts'))
const hasClient = existsSync(join(src, 'client/index.ts')) && !keepCrashPoints
const before = readJson(stampFile)
const now = {
  all: hashOf([...toolchain(), ...sources]),
  bundle: hashOf([...toolchain(), ...inFolders('workflows', 'schema')]),
  declarations: hashOf([...toolchain(), ...inFolders('client', 'schema')]),
}

if (before.all !== now.all || (hasWorkflows && !existsSync(bundleFile))) {
  const startedAt = Date.now()
  try {
    await build()
  } catch (error) {
    // esbuild has printed what is wrong where.
    if (!error.errors) console.error(error)
    process.exit(1)
  }
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  process.stderr.write(`built ${relative(root, out)}: ${sources.length} files in ${seconds} s\n`)
}

async function build() {
  const written = new Set([...(await compile()), ...copyAssets(), stampFile])
  if (hasWorkflows) written.add(await bundleWorkflows())
  if (hasClient) for (const path of await declareClient()) written.add(path)
  for (const path of listFiles(out)) if (!written.has(path)) rmSync(path, { force: true })
  writeWhole(stampFile, JSON.stringify(now))
}

/** Compiles each TypeScript file to one JavaScript file; without `--crash-points` statements labelled CRASH vanish. */
async function compile() {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: sources.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')),
    outdir: out,
    outbase: src,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    minifySyntax: true,
    // Without `verbatimModuleSyntax`, the names that only a dropped statement used go with it.
    tsconfigRaw: { compilerOptions: { target: 'ES2022' } },
    dropLabels: keepCrashPoints ? [] : ['CRASH'],
    logLevel: 'warning',
    write: false,
  })
  for (const { path, text } of outputFiles) writeWhole(path, keepCrashPoints ? text : withoutCrashImport(text))
  return outputFiles.map(({ path }) => path)
}

/** Takes out what the dropped statements leave of their import; the line stays, for the source map. */
function withoutCrashImport(code) {
  return code.replace(/^import "[./]*crash-point\.js";$/m, '')
}

function copyAssets() {
  const assets = sources.filter((path) => !path.endsWith('.ts') || path.endsWith('.d.ts'))
  return assets.map((path) => {
    const target = join(out, relative(src, path))
    writeWhole(target, readFileSync(path), statSync(path).mode)
    return target
  })
}

/** Bundles the compiled workflows once, so that a worker starts without webpack. */
async function bundleWorkflows() {
  if (before.bundle === now.bundle && existsSync(bundleFile)) return bundleFile
  const { bundleWorkflowCode } = await import('@temporalio/worker')
  const logger = { log() {}, trace() {}, debug() {}, info() {}, warn: console.error, error: console.error }
  const { code } = await bundleWorkflowCode({ workflowsPath: join(out, 'workflows/index.js'), logger })
  writeWhole(bundleFile, code)
  return bundleFile
}

/** Writes the type declarations of `anneal/client`, which the package exports, and of what they refer to. */
async function declareClient() {
  const present = listFiles(out).filter((path) => path.endsWith('.d.ts'))
  const isCurrent = before.declarations === now.declarations && present.includes(join(out, 'client/index.d.ts'))
  if (isCurrent) return present
  const { default: ts } = await import('typescript')
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => console.error(messageText) }
  const overrides = { noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: out, rootDir: src }
  const { options } = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), overrides, host)
  const written = []
  ts.createProgram([join(src, 'client/index.ts')], options).emit(undefined, (path, text) => {
    writeWhole(path, text)
    written.push(path)
  })
  return written
}

/** What decides how the sources are compiled. */
function toolchain() {
  const files = ['scripts/build.mjs', 'scripts/build/files.mjs', 'package.json', 'package-lock.json', 'tsconfig.json']
  return files.map((path) => join(root, path))
}

/** The sources in some folders of `src/`, and those that lie directly in it. */
function inFolders(...folders) {
  return sources.filter((path) => folders.includes(relative(src, path).split(sep)[0]) || dirname(path) === src)
}
