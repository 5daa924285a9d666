import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arrayRow, checkTries, TASKS, task } from '../array.mjs'
import { Cluster, whyAway } from './slurm.mjs'

/**
 * The array of `array.mjs` on a Slurm of as many CPUs. Slurm holds a task that it requeues back for two minutes, so those that failed are
 * submitted as a further array at once, as its users do.
 */
export async function slurmArray(_, { isQuick }) {
  const away = whyAway()
  if (away) return [away]
  const count = isQuick ? TASKS.quick : TASKS.full
  const cluster = await Cluster.start({ cpus: TASKS.devices })
  const folder = join(cluster.folder, 'tasks')
  mkdirSync(folder)
  try {
    const from = performance.now()
    for (let open = Array.from({ length: count }, (_, i) => i); open.length > 0; open = failedOf(folder, count)) {
      const indexes = open.length === count ? `0-${count - 1}` : open.join(',')
      const args = ['--parsable', '-n1', '-D', folder, '-o', '/dev/null', `--array=${indexes}`]
      cluster.run('sbatch', [...args, '--wrap', task(folder, '$SLURM_ARRAY_TASK_ID')])
      await cluster.idle(1_800_000)
    }
    const seconds = (performance.now() - from) / 1000
    checkTries(folder, count)
    return [arrayRow(`Slurm: the same array of ${count} tasks on ${TASKS.devices} CPUs`, count, seconds)]
  } finally {
    await cluster.stop()
  }
}

/** Tasks of the tenth that have not had their third try. */
function failedOf(folder, count) {
  const tenth = Array.from({ length: Math.ceil(count / 10) }, (_, i) => i * 10)
  return tenth.filter((i) => readFileSync(join(folder, `task-${i}`), 'utf8').length < 3)
}
