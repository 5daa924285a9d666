import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Apart } from './apart.mjs'
import { judge } from './oracles.mjs'
import { crashPoints } from './points.mjs'
import { kill, processesWith, until } from './processes.mjs'
import { pick, seeded, shuffled } from './random.mjs'
import { gather } from './record.mjs'
import { Up } from './up.mjs'
import { Workload } from './workload.mjs'

const FORMS = { up: Up, apart: Apart }
/** What is left when the strikes are over must end in this time. */
const END_WITHIN = 300_000

/** One installation, its workload, and what is done to both. Gives `{ kills, found, folder }`; the folder is kept where anything was found. */
export async function storm({ form, seed, minutes, devices, hasPoints, isKept, say }) {
  // A sequence each, so that the pace of the one does not change what the other does.
  const [ofStrikes, ofWork, ofLinks] = [seeded(seed), seeded(seed + 1_000_003), seeded(seed + 2_000_003)]
  const secret = `chaos-${randomBytes(16).toString('hex')}`
  const installation = await FORMS[form].create({ devices, random: ofLinks, secret, say })
  const workload = new Workload(installation, secret, ofWork)
  const points = crashPoints()
  const strikes = new Strikes({ installation, workload, random: ofStrikes, points })
  const giveUp = () => {
    end(installation)
    process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, giveUp)
  let found
  try {
    await installation.start()
    await workload.prepare()
    const work = workload.run().catch((error) => {
      workload.failure = error
    })
    if (hasPoints) for (const point of shuffled(ofStrikes, points)) await strikes.dieAt(point)
    const deadline = Date.now() + minutes * 60_000
    while (Date.now() < deadline && !workload.failure) await strikes.one()
    await comeToEnd(installation, workload, work)
    found = judge(await gather(installation, workload))
    say(`${form}: ${workload.jobs.size} jobs; ${strikes.summary()}`)
  } catch (error) {
    found = [`7: the run did not come to its end: ${error.stack}`]
  } finally {
    workload.finish()
    workload.beside?.close()
    await installation.stop()
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, giveUp)
    for (const pid of processesWith(installation.folder)) kill(pid, 'SIGKILL')
    if (found?.length === 0 && !isKept) installation.remove()
  }
  return { kills: strikes.count, found, folder: installation.folder }
}

/** Ctrl-C: nothing of ours stays behind. PostgreSQL and Temporal of the `apart` form end with this process. */
function end(installation) {
  for (const pid of processesWith(installation.folder)) kill(pid, 'SIGKILL')
  installation.remove()
}

async function comeToEnd(installation, workload, work) {
  workload.finish()
  await work
  if (workload.failure) throw workload.failure
  await installation.revive()
  await workload.beside.finish()
  const hasEnded = async () => {
    await workload.refresh()
    if (workload.open().length > 0 || workload.openPipelines().length > 0) return false
    return workload.beside.isOver()
  }
  // A job that does not end is a violation that the oracles name.
  await until('every job to end', hasEnded, END_WITHIN).catch(() => undefined)
}

/** What is done to the installation and to the jobs, counted by name and written down with its time. */
class Strikes {
  #counts = new Map()

  constructor({ installation, workload, random, points }) {
    Object.assign(this, { installation, workload, random, points })
    this.all = {
      ...installation.strikes,
      training: () => workload.harm('training'),
      wrapper: () => workload.harm('wrapper'),
      'crash point': () => installation.dieAt(pick(random, points)),
    }
  }

  get count() {
    return [...this.#counts.values()].reduce((sum, n) => sum + n, 0)
  }

  async one() {
    await pause(500 + this.random() * 2_500)
    const name = pick(this.random, Object.keys(this.all))
    this.#note(`${name} …`)
    const done = await this.all[name]()
    // What does not say what it has done has done what its name says; where there was nothing to do it says null.
    if (done !== null) this.#add(name.trim(), done ?? name)
  }

  async dieAt(point) {
    this.#note(`${point} …`)
    this.#add(await this.installation.dieAt(point), point)
  }

  summary() {
    return [...this.#counts].map(([name, n]) => `${name} ${n}`).join(', ')
  }

  #add(name, what) {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    this.#note(what === name ? name : `${name}: ${what}`)
  }

  #note(text) {
    appendFileSync(join(this.installation.folder, 'journal.txt'), `${new Date().toISOString()} ${text}\n`)
  }
}
