// The ESLint rule that holds the table of import-table.mjs.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ANYONE, GUARDED_PACKAGES, IMPORT_TABLE, SCHEMA_WITHOUT_ZOD } from './import-table.mjs'

const src = fileURLToPath(new URL('../../src', import.meta.url))

/** Refuses an import that the table does not allow, naming the reason. */
export const importDirection = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      value: '{{file}} must not import {{target}}: {{why}} (scripts/lint/import-table.mjs)',
      type: '{{file}} may import {{target}} only by `import type`: {{why}} (scripts/lint/import-table.mjs)',
      unknown: '{{file}} lies in no row of scripts/lint/import-table.mjs; add one with its reason',
    },
  },
  create(context) {
    const file = pathUnderSrc(context.filename)
    if (file === undefined) return {}
    const row = IMPORT_TABLE.find(({ files }) => matches(file, files))
    if (!row) return { Program: (node) => context.report({ node, messageId: 'unknown', data: { file } }) }
    const check = (node) => {
      const messageId = judge(row, file, node)
      if (messageId) context.report({ node, messageId, data: { file, target: node.source.value, why: row.why } })
    }
    const checkIfSourced = (node) => node.source && check(node)
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: checkIfSourced,
    }
  },
}

/** The id of the message to report; undefined when the import is allowed. */
function judge(row, file, node) {
  const specifier = node.source.value
  if (typeof specifier !== 'string') return undefined
  const isType = isTypeOnly(node)
  if (!specifier.startsWith('.')) return isType || isPackageAllowed(row, specifier) ? undefined : 'value'
  const target = resolve(file, specifier)
  if (isOwn(row, file, target) || ANYONE.includes(target) || isListed(row.values, target)) return undefined
  if (!isListed(row.types, target)) return 'value'
  return isType ? undefined : 'type'
}

function isTypeOnly(node) {
  if (node.importKind === 'type' || node.exportKind === 'type') return true
  const names = node.specifiers ?? []
  return names.length > 0 && names.every(({ importKind, exportKind }) => (importKind ?? exportKind) === 'type')
}

function isPackageAllowed(row, specifier) {
  const isOneOf = (names) => names.some((name) => specifier === name || specifier.startsWith(name))
  return !isOneOf(GUARDED_PACKAGES) || isOneOf(row.packages)
}

/** Two files of one row's folder are at home with each other; for `vendors/*` each vendor is a home of its own. */
function isOwn(row, file, target) {
  const depth = file.startsWith('vendors/') || row.files === 'providers/local/' ? 2 : 1
  const home = (path) =>
    path
      .split('/')
      .slice(0, Math.min(depth, path.split('/').length - 1))
      .join('/')
  return home(file) === home(target)
}

function isListed(patterns = [], target) {
  return patterns.some((pattern) =>
    pattern === SCHEMA_WITHOUT_ZOD ? target.startsWith('schema/') && !needsZod(target) : matches(target, pattern),
  )
}

/** Whether a path under `src/` is what a pattern of the table speaks of. */
function matches(path, pattern) {
  const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]+')
  return new RegExp(`^${source}${pattern.endsWith('/') ? '' : '$'}`).test(path)
}

/** Whether loading a file of `schema/` loads zod, by itself or through its neighbours. */
function needsZod(path, seen = new Set()) {
  const full = join(src, path)
  if (seen.has(path) || !existsSync(full)) return false
  seen.add(path)
  const text = readFileSync(full, 'utf8')
  const loaded = [...text.matchAll(/^\s*(?:import|export)\s+(?!type\b)[^'"]*['"]([^'"]+)['"]/gm)].map(
    ([, name]) => name,
  )
  return loaded.some((name) => name === 'zod' || (name.startsWith('.') && needsZod(resolve(path, name), seen)))
}

/** The source that `specifier` in `file` means, under `src/`. */
function resolve(file, specifier) {
  const path = join(dirname(file), specifier).split(sep).join('/')
  return existsSync(join(src, path)) ? path : path.replace(/\.js$/, '.ts')
}

function pathUnderSrc(filename) {
  const path = relative(src, filename)
  return path.startsWith('..') ? undefined : path.split(sep).join('/')
}
