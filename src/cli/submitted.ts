import type { Job } from '../client/index.js'
import { print, printJson, say } from './output.js'

/** What `submit` and `run --detach` leave: the id, and how to go on. */
export function printSubmitted(job: Job, flags: { json?: boolean }): void {
  if (flags.json) printJson(job)
  else print(job.id)
  say(`submitted ${job.name}; follow it with: anneal logs -f ${job.id}`)
}
