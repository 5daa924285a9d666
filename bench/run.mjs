// `npm run bench`: every figure of this version on this machine, beside raw Temporal in the same run. Under ten minutes on a
// quiet machine; nothing else should run on it meanwhile.
//   --only NAME    just these figures, also several times (names: see figures.mjs, and `slurm`, `slurm-array` with --peers)
//   --quick        fewer rounds and smaller crowds: to see that all of it works, not to be quoted
//   --peers        also a Slurm from Debian, beside it
//   --markdown     the table as docs/figures.md has it        --json FILE    everything that was measured
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    json: { type: 'string' },
    rounds: { type: 'string' },
  },
})
const isQuick = values.quick
const rounds = Number(values.rounds ?? (isQuick ? 8 : 40))
if (!(rounds >= 5 && rounds <= 1000)) throw new Error(`--rounds is ${values.rounds}; expected a number from 5 to 1000`)

// The production build is what is measured; the modules that use it can be loaded only after it.
execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))])
const { FIGURES } = await import('./figures.mjs')
const { System } = await import('./system.mjs')
const { removeHomesOnSignal } = await import('./homes.mjs')
const { PEERS } = await import('./peers/index.mjs')
const everything = { ...FIGURES, ...(values.peers ? PEERS : {}) }
for (const name of values.only) {
  if (!everything[name])
    throw new Error(
      `--only is ${name}; expected one of ${Object.keys(everything).join(', ')}${values.peers ? '' : ', or --peers too'}`,
    )
}
const chosen = Object.entries(everything).filter(([name]) => values.only.length === 0 || values.only.includes(name))

const began = { at: new Date(), load: loadavg()[0] }
const rows = []
removeHomesOnSignal()
const system = await System.start()
try {
  for (const [name, measure] of chosen) rows.push(...(await measured(name, measure)))
} finally {
  await system.discard()
}
const machine = [
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`,
  `${began.at.toISOString().slice(0, 10)}, load ${began.load.toFixed(1)} before, ${((Date.now() - began.at) / 60_000).toFixed(1)} min`,
].join('; ')
process.stdout.write(values.markdown ? asMarkdown() : asTable())
if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, isQuick, rounds, rows }, null, 2)}\n`)

/** A figure that fails is a row that says so, and the others are measured all the same. */
async function measured(name, measure) {
  try {
    const found = await measure(system, { rounds, isQuick })
    for (const { figure, value, verdict } of found) process.stderr.write(`${figure}: ${value} ${verdict}\n`)
    return found.map((row) => ({ name, ...row }))
  } catch (error) {
    process.stderr.write(`${name}: ${error.stack}\n`)
    process.exitCode = 1
    return [{ name, figure: name, value: `not measured: ${error.message}`, bar: '', numbers: {}, verdict: '' }]
  }
}

function asTable() {
  const width = (key) => Math.max(...rows.map((row) => row[key].length))
  const lines = rows.map(({ figure, value, bar, verdict }) =>
    `${figure.padEnd(width('figure'))}  ${value.padEnd(width('value'))}  ${bar.padEnd(width('bar'))}  ${verdict}`.trimEnd(),
  )
  return `${machine}${isQuick ? '; --quick, not to be quoted' : ''}\n\n${lines.join('\n')}\n`
}

function asMarkdown() {
  const lines = rows.map(({ figure, value, bar, verdict }) => `| ${figure} | ${value} | ${bar} | ${verdict} |`)
  const title = `## ${machine}${isQuick ? ' (--quick, not to be quoted)' : ''}`
  return [title, '', '| figure | seen | bar | |', '|---|---|---|---|', ...lines, ''].join('\n')
}
