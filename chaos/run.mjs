// `npm run chaos -- --minutes M --seed S`: kills at named crash points and at random, and looks whether the promises hold.
// Ends with the line `chaos: N kills, N violations`, and with exit code 1 where there are any. Talks to loopback only.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { kill, Machine, parentOf, processesWith, until } from './machine.mjs'
import { violations } from './oracles.mjs'
import { Workload } from './workload.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    points: { type: 'boolean', default: true },
    devices: { type: 'string', default: '4' },
  },
  allowNegative: true,
})
const minutes = Number(values.minutes)
if (!(minutes > 0 && minutes <= 600)) throw new Error(`--minutes is ${values.minutes}; expected a number up to 600`)
const random = seeded(Number(values.seed))
/** Jobs that are kept going. */
const OPEN = 8

for (const flags of [[], ['--crash-points']])
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), ...flags])
const points = values.points ? crashPoints() : []
say(`seed ${values.seed}, ${minutes} minutes, ${points.length} named crash points`)
const machine = await Machine.create(Number(values.devices))
const workload = new Workload(machine, random)
const kills = {}
let isOver = false
let failure

async function main() {
  try {
    await machine.up()
    const working = work().catch((error) => {
      failure = error
    })
    for (const point of shuffled(points)) await dieAt(point)
    const deadline = Date.now() + minutes * 60_000
    while (Date.now() < deadline && !failure) await strike()
    isOver = true
    await working
    if (failure) throw failure
    if (machine.hasEnded()) await machine.up()
    await until(
      'every job to end',
      async () => {
        await workload.refresh()
        return workload.open().length === 0
      },
      300_000,
    )
    const found = await violations(machine, workload)
    for (const text of found) process.stdout.write(`violation of promise ${text}\n`)
    const total = Object.values(kills).reduce((sum, n) => sum + n, 0)
    say(
      `${workload.jobs.size} jobs; ${Object.entries(kills)
        .map(([name, n]) => `${name} ${n}`)
        .join(', ')}`,
    )
    process.stdout.write(`chaos: ${total} kills, ${found.length} violations\n`)
    process.exitCode = found.length > 0 ? 1 : 0
  } finally {
    isOver = true
    await machine.remove()
    for (const pid of processesWith(machine.home)) kill(pid, 'SIGKILL')
  }
}

/** Keeps jobs coming, and stops one now and then. */
async function work() {
  while (!isOver) {
    await workload.refresh()
    if (workload.open().length < OPEN) await workload.submit()
    else await pause(50)
    const open = workload.open()
    if (open.length > 0 && random() < 0.03) await workload.stop(open[Math.floor(random() * open.length)].id)
  }
}

/** Runs the build that dies at this point; where nothing has led there in time, it is killed as it stands. */
async function dieAt(point) {
  await machine.killUp()
  await machine.up(point)
  const isDead = await until('the crash point', () => machine.hasEnded(), 8_000).catch(() => false)
  if (!isDead) await machine.killUp()
  count(isDead ? 'crash points' : 'crash points not met')
  await machine.up()
}

const STRIKES = {
  'anneal up': async () => {
    await machine.killUp()
    await machine.up()
  },
  Temporal: () => machine.killTemporal(),
  everything: async () => {
    await Promise.all([machine.killUp(), machine.killTemporal()])
    await pause(random() * 1_000)
    await machine.up()
  },
  "everything and Temporal's database": async () => {
    await machine.killUp()
    await machine.killTemporal()
    machine.loseTemporalDatabase()
    await machine.up()
  },
  'Temporal hanging': async () => {
    const pid = machine.temporalPid()
    if (!pid) return
    kill(pid, 'SIGSTOP')
    await pause(3_000)
    kill(pid, 'SIGCONT')
  },
  training: () => harm((pid) => pid),
  wrapper: () => harm(parentOf),
  'crash point': async () => {
    if (points.length > 0) await dieAt(points[Math.floor(random() * points.length)])
  },
}

async function strike() {
  await pause(500 + random() * 2_500)
  const names = Object.keys(STRIKES)
  const name = names[Math.floor(random() * names.length)]
  await STRIKES[name]()
  if (!['crash point', 'training', 'wrapper'].includes(name)) count(name)
}

/** Kills a training or its wrapper; that attempt may then end as failed or unknown, and no other. */
async function harm(whom) {
  const victim = await workload.running()
  const pid = victim && whom(victim.pid)
  if (!pid || pid === 1) return
  workload.harmed.add(`${victim.id}.${victim.attempt}`)
  if (kill(pid, 'SIGKILL')) count(whom === parentOf ? 'wrapper' : 'training')
}

function count(name) {
  kills[name] = (kills[name] ?? 0) + 1
}

/** Every crash point that a job on one host may meet, as the code names them. */
function crashPoints() {
  const names = new Set()
  for (const file of readdirSync(join(ROOT, 'src'), { recursive: true })) {
    if (!file.endsWith('.ts')) continue
    for (const [, name] of readFileSync(join(ROOT, 'src', file), 'utf8').matchAll(/crashPoint\('([^']+)'\)/g))
      names.add(name)
  }
  return [...names].filter((name) => !/^(remote|move)\./.test(name)).sort()
}

function shuffled(list) {
  return [...list]
    .map((item) => [random(), item])
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

/** Mulberry32: small, and the same everywhere for the same seed. */
function seeded(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function say(text) {
  process.stderr.write(`chaos: ${text}\n`)
}

await main()
