import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../dist/temporal/free-port.js'
import { newHome, removeHome } from '../homes.mjs'
import { inParallel, isAlive, row, times, until, wallClock } from '../measure.mjs'

const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'scancel', 'squeue']
const INSTALL = 'apt-get install --no-install-recommends slurmctld slurmd slurm-client munge'
/** Debian keeps daemons where only root's PATH looks. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/**
 * A Slurm of one node and two CPUs on loopback, beside the rows it shares. Debian's defaults but for one, in its favour: a job
 * that is submitted is not held back for three seconds (`batch_sched_delay`).
 */
export async function slurm(_, { rounds, isQuick }) {
  const away = whyAway()
  if (away) return [away]
  const cluster = await Cluster.start()
  try {
    const version = cluster.run('sbatch', ['--version']).trim()
    const few = Math.ceil(rounds / 2)
    return [
      ...(await submitToStart(cluster, version, few)),
      await stopToGone(cluster, few),
      await lines(cluster, rounds * 2),
      await turnover(cluster, isQuick ? 6 : 40),
    ]
  } finally {
    await cluster.stop()
  }
}

/** A row that says why there is no Slurm to measure; undefined where there is one. */
export function whyAway() {
  const missing = PROGRAMS.filter((name) => spawnSync('which', [name], { env: { ...process.env, PATH } }).status !== 0)
  if (missing.length > 0) return row('Slurm', `not installed (${missing.join(', ')}): ${INSTALL}`)
  if (process.getuid() !== 0) return row('Slurm', 'not measured: its slurmd starts jobs only as root')
  return undefined
}

async function submitToStart(cluster, version, rounds) {
  const [submits, starts] = [[], []]
  for (let i = 0; i < rounds; i += 1) {
    const file = join(cluster.folder, `started-${i}`)
    const from = wallClock()
    cluster.submit(`date +%s%N > ${file}.part; mv ${file}.part ${file}`)
    submits.push(wallClock() - from)
    await until('a job of Slurm to start', () => existsSync(file), { within: 60_000 })
    starts.push(Number(readFileSync(file, 'utf8')) / 1e6 - from)
    await cluster.idle()
  }
  return [times(`${version}: submit (the process sbatch)`, submits), times('Slurm: submit → process started', starts)]
}

async function stopToGone(cluster, rounds) {
  const values = []
  for (let i = 0; i < rounds; i += 1) {
    const file = join(cluster.folder, `pid-${i}`)
    const id = cluster.submit(`echo $$ > ${file}.part; mv ${file}.part ${file}; exec sleep 300`)
    await until('a job of Slurm to start', () => existsSync(file), { within: 60_000 })
    const pid = Number(readFileSync(file, 'utf8'))
    const from = performance.now()
    cluster.run('scancel', [id])
    while (isAlive(pid)) await pause(1)
    values.push(performance.now() - from)
    await cluster.idle()
  }
  return times('Slurm: stop → process gone', values)
}

/** Slurm has no follower of its own: `tail -f` of the file that it writes. */
async function lines(cluster, count) {
  const file = join(cluster.folder, 'lines')
  writeFileSync(file, '')
  const tail = spawn('tail', ['-f', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const values = []
  tail.stdout.on('data', (data) => {
    const now = wallClock()
    for (const line of String(data).split('\n').filter(Boolean)) values.push(now - Number(line) / 1e6)
  })
  cluster.submit(`for i in $(seq ${count}); do date +%s%N; sleep 0.05; done`, file)
  await until('the lines of a job of Slurm', () => values.length >= count, { within: 120_000 })
  tail.kill('SIGKILL')
  await cluster.idle()
  return times('Slurm: log line → `tail -f` of its file', values)
}

async function turnover(cluster, jobs) {
  const from = performance.now()
  await inParallel(jobs, 4, async () => cluster.submit('true'))
  await cluster.idle(300_000)
  const perSecond = jobs / ((performance.now() - from) / 1000)
  return row(`Slurm: turnover of ${jobs} jobs \`true\`, two at a time`, `${perSecond.toFixed(1)} jobs/s`, {
    numbers: { perSecond, jobs },
  })
}

/** munged, slurmctld and slurmd in a folder and on ports of their own; nothing of an installed cluster is touched. */
export class Cluster {
  folder = newHome('slurm')
  #env = { ...process.env, PATH, SLURM_CONF: join(this.folder, 'slurm.conf') }
  #daemons = []
  #cpus

  /** CPUs that Slurm is told of, whatever the machine has. */
  static async start({ cpus = 2 } = {}) {
    const cluster = new Cluster()
    cluster.#cpus = cpus
    try {
      await cluster.#start()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  async #start() {
    const { folder } = this
    for (const name of ['state', 'spool']) mkdirSync(join(folder, name))
    writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o600 })
    writeFileSync(join(folder, 'cgroup.conf'), 'CgroupAutomount=no\n')
    writeFileSync(join(folder, 'slurm.conf'), configuration(folder, [await freePort(), await freePort()], this.#cpus))
    const munge = { key: 'munge.key', socket: 'munge', pid: 'munge.pid', log: 'munge.log', seed: 'munge.seed' }
    const flags = Object.entries(munge).map(([name, file]) => {
      const flag = { key: 'key-file', pid: 'pid-file', log: 'log-file', seed: 'seed-file', socket: 'socket' }[name]
      return `--${flag}=${join(folder, file)}`
    })
    this.#daemon('munged', ['--foreground', '--force', ...flags])
    await until('munged', () => existsSync(join(folder, 'munge')), { within: 10_000 })
    this.#daemon('slurmctld', ['-D', '-i'])
    this.#daemon('slurmd', ['-D', '-N', 'bench'])
    const isIdle = () => this.#spawn('sinfo', ['-h', '-o', '%T']).stdout.trim() === 'idle'
    await until('the node of Slurm to be idle', isIdle, { within: 60_000, every: 200 }).catch((error) => {
      throw new Error(`${error.message}: ${this.#spawn('sinfo', ['-R']).stdout} ${this.#said()}`)
    })
  }

  /** Gives the job's id. */
  submit(command, output = '/dev/null') {
    const args = ['--parsable', '-n1', '-D', this.folder, '-o', output, '--open-mode=append', '--wrap', command]
    return this.run('sbatch', args).trim()
  }

  run(program, args) {
    const { status, stdout, stderr } = this.#spawn(program, args)
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`)
    return stdout
  }

  idle(within = 60_000) {
    return until('the queue of Slurm to be empty', () => this.run('squeue', ['-h']) === '', { within, every: 20 })
  }

  /** Ends the daemons, then whatever still has the folder in its command or environment. */
  async stop() {
    for (const { child } of this.#daemons.reverse()) {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(timer)
    }
    await removeHome(this.folder)
  }

  #daemon(program, args) {
    const daemon = { said: '' }
    daemon.child = spawn(program, args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [daemon.child.stdout, daemon.child.stderr]) {
      stream.on('data', (data) => {
        daemon.said = (daemon.said + data).slice(-4_000)
      })
    }
    this.#daemons.push(daemon)
  }

  #spawn(program, args) {
    return spawnSync(program, args, { env: this.#env, encoding: 'utf8' })
  }

  #said() {
    return this.#daemons.map(({ said }) => said).join('\n')
  }
}

function configuration(folder, [ctldPort, dPort], cpus) {
  return `ClusterName=bench
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmUser=root
SlurmctldPort=${ctldPort}
SlurmdPort=${dPort}
AuthType=auth/munge
AuthInfo=socket=${folder}/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0
SlurmdParameters=config_overrides
NodeName=bench NodeAddr=127.0.0.1 NodeHostname=${hostname()} CPUs=${cpus} State=UNKNOWN
PartitionName=main Nodes=bench Default=YES MaxTime=INFINITE State=UP
`
}
