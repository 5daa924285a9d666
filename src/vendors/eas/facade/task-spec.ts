import { JobSpec, type JobSpecInput } from '../../../schema/job.js'
import { type JobDefaults, jobName } from '../../../schema/vendor-config.js'
import type { EasServiceRow } from '../../../store/database.js'
import { QueueProblem } from './problem.js'
import { mountVariables, rewritePaths, settingsOf } from './settings.js'

/** A task whose worker dies is given to another this often in all (#33). */
export const DELIVERIES = 3
/** Linux takes no longer argument (MAX_ARG_STRLEN, execve(2)). Bytes, its end included. */
const LONGEST_COMMAND = 128 * 1024
/** From SIGTERM to SIGKILL when a task is stopped (#31). */
const GRACE = '10s'

/** A command as an ordinary job. Throws a `QueueProblem` for what cannot be one, so that its put is refused. */
export function taskSpec(
  service: EasServiceRow,
  task: { taskId: string; command: string; priority: number },
  configured: JobDefaults | undefined,
): JobSpec {
  if (Buffer.byteLength(task.command) >= LONGEST_COMMAND) {
    throw new QueueProblem(413, `a command has less than ${LONGEST_COMMAND} bytes; put a longer one into a file`)
  }
  const settings = settingsOf(service)
  const command = settings.rewritesPaths ? rewritePaths(task.command, settings.mounts) : task.command
  const given = withDefaults(settings.job, configured ?? {})
  const input: JobSpecInput = {
    ...given,
    name: jobName(service.name, 'eas'),
    command: ['bash', '-c', command],
    priority: Math.min(100, 50 + Math.max(0, task.priority)),
    env: { ...mountVariables(settings.mounts), ...given.env },
    timeouts: { ...given.timeouts, grace: GRACE },
    retry: { maxAttempts: DELIVERIES, on: { exit_unknown: DELIVERIES - 1 } },
    tags: { ...given.tags, service: service.name.slice(0, 255), taskId: task.taskId.slice(0, 255) },
  }
  const parsed = JobSpec.safeParse(input)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new QueueProblem(400, `this command cannot be a job: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** The second on top of the first, also inside of what is itself a group. */
export function withDefaults(below: JobDefaults, above: JobDefaults): JobDefaults {
  const merged: Record<string, unknown> = { ...below, ...above }
  for (const key of ['env', 'tags', 'resources', 'timeouts'] as const) {
    if (below[key] || above[key]) merged[key] = { ...below[key], ...above[key] }
  }
  return merged as JobDefaults
}
