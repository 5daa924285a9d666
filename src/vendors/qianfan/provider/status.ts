import type { RemoteStatus } from '../../../providers/provider.js'
import { MAX_REMOTE_POINTS, pointsOf, type RemotePoint } from '../../../schema/remote-points.js'
import type { TaskDetail } from '../wire.js'

/** reference/qianfan-finetune.md §5. */
const PHASES: Readonly<Record<string, RemoteStatus['phase']>> = {
  '': 'waiting',
  Waiting: 'waiting',
  Running: 'running',
  Done: 'completed',
  Failed: 'failed',
  Stopped: 'stopped',
}
/** The console's folder of a train mode; the page wants a login (§10). */
const PAGES: Readonly<Record<string, string>> = { SFT: 'sft', PostPretrain: 'postPretrain', DPO: 'dpo' }

export function statusOf(taskId: string, task: TaskDetail): RemoteStatus {
  const phase = Object.hasOwn(PHASES, task.runStatus) ? (PHASES[task.runStatus] ?? 'unknown') : 'unknown'
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(String(task.runProgress ?? ''))?.[1]
  return {
    phase,
    // With the progress, so that each change of it is an entry of the timeline (§10, "progress").
    raw: percent === undefined ? task.runStatus : `${task.runStatus} ${percent}%`,
    ...(percent === undefined ? {} : { progress: Math.min(1, Number(percent) / 100) }),
    links: linksOf(taskId, task),
    ...(phase === 'completed' ? { metrics: resultsOf(task), points: pointsIn(task) } : {}),
  }
}

/** BLEU and ROUGE in percent, and of each checkpoint what it has beside its step: perplexity and training loss. */
function pointsIn({ metrics, checkpointList }: TaskDetail): RemotePoint[] {
  const checkpoints = (Array.isArray(checkpointList) ? checkpointList : []).slice(0, MAX_REMOTE_POINTS)
  const ofEach = checkpoints.flatMap((checkpoint) => {
    const { step, ...fields } = Object(checkpoint) as { step?: unknown }
    const at = Number(step ?? Number.NaN)
    return Number.isSafeInteger(at) && at >= 0 ? pointsOf(fields, at) : []
  })
  return [...pointsOf(metrics), ...ofEach]
}

export function hasEnded({ phase }: RemoteStatus): boolean {
  return phase === 'completed' || phase === 'failed' || phase === 'stopped'
}

function linksOf(taskId: string, { jobId, trainMode, vdlLink }: TaskDetail): Record<string, string> {
  const page = PAGES[trainMode ?? '']
  return {
    ...(typeof vdlLink === 'string' && vdlLink !== '' ? { visualDl: vdlLink } : {}),
    ...(page && jobId
      ? { log: `https://console.bce.baidu.com/qianfan/train/${page}/${jobId}/${taskId}/detail/traininglog` }
      : {}),
  }
}

/** As the service sends them: percent strings, and the checkpoints with whatever fields they have (§4, §12 #20). */
function resultsOf({ metrics, checkpointList }: TaskDetail): Record<string, unknown> {
  return {
    ...(typeof metrics === 'object' && metrics !== null ? metrics : {}),
    ...(Array.isArray(checkpointList) ? { checkpointList } : {}),
  }
}
