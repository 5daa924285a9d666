import { array } from './array.mjs'
import { commands } from './commands.mjs'
import { atRest, events, perRunningJob } from './cost.mjs'
import { crowd } from './crowd.mjs'
import { flood, logLineToClient } from './logs.mjs'
import { longQueue, manyJobs } from './many.mjs'
import { manyPoints } from './metrics.mjs'
import { recovery } from './recovery.mjs'
import { freedToStarted, submitToStart, turnover } from './starting.mjs'
import { stopToGone } from './stopping.mjs'
import { rawTemporal } from './temporal.mjs'

/**
 * Every row of design §9, by the name that `--only` takes, in the order in which they are measured. Each is a function of
 * the running system and `{ rounds, isQuick }` that gives rows; those which would leave the system with work, or need it killed, start one of their own.
 */
export const FIGURES = {
  rest: atRest,
  start: submitToStart,
  freed: freedToStarted,
  stop: stopToGone,
  lines: logLineToClient,
  flood,
  turnover,
  raw: rawTemporal,
  commands,
  job: perRunningJob,
  events,
  recovery,
  crowd,
  array,
  list: manyJobs,
  queue: longQueue,
  metrics: manyPoints,
}
