import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** `startPostgres` and `startTemporal` of the tests' support, compiled for this run; what they take from `src` comes from the build. */
export async function loadSurroundings() {
  const outfile = join(ROOT, 'dist', `chaos-${process.pid}.mjs`)
  const contents = `export { startPostgres } from './postgres.js'\nexport { startTemporal } from './temporal.js'\n`
  const fromBuild = {
    name: 'from-build',
    setup: (it) =>
      it.onResolve({ filter: /\/src\// }, ({ path }) => ({
        path: pathToFileURL(join(ROOT, 'dist', path.replace(/^.*\/src\//, ''))).href,
        external: true,
      })),
  }
  const stdin = { contents, resolveDir: join(ROOT, 'test/support'), loader: 'ts' }
  const settings = { bundle: true, packages: 'external', platform: 'node', format: 'esm', logLevel: 'error' }
  await build({ stdin, outfile, plugins: [fromBuild], ...settings })
  try {
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(outfile)
  }
}
