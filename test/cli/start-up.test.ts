import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

// How long a command takes to start is what it loads. The times themselves are measured, not tested.

test('`anneal --version` loads no package', async () => {
  expect(await packagesOf('src/cli/main.ts')).toEqual([])
})

test('the list of commands loads commander alone', async () => {
  expect(await packagesOf('src/cli/program.ts')).toEqual(['commander'])
})

test.each(['list', 'show', 'logs', 'wait', 'stop', 'retry', 'events', 'queue', 'host', 'pool', 'run', 'submit'])(
  '`anneal %s` loads neither zod nor a parser before it needs one',
  async (name) => {
    const allowed = ['commander', 'eventsource-parser', 'fastest-levenshtein', 'openapi-fetch']
    for (const used of await packagesOf(`src/cli/commands/${name}.ts`)) expect(allowed).toContain(used)
  },
)

test('the client needs two small packages', async () => {
  expect(await packagesOf('src/client/index.ts')).toEqual(['eventsource-parser', 'openapi-fetch'])
})

/** The packages that loading a source loads, without what it loads only later by `import()`. */
async function packagesOf(entry: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    outdir: 'nowhere',
    write: false,
    metafile: true,
  })
  const packages = new Set<string>()
  visit(metafile.inputs, entry, packages, new Set())
  return [...packages].sort()
}

function visit(inputs: Metafile['inputs'], path: string, packages: Set<string>, seen: Set<string>): void {
  if (seen.has(path)) return
  seen.add(path)
  for (const { path: target, kind, external } of inputs[path]?.imports ?? []) {
    if (kind === 'dynamic-import') continue
    if (!external) visit(inputs, target, packages, seen)
    else if (!target.startsWith('node:')) packages.add(target)
  }
}
