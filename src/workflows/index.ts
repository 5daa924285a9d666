export { fireSchedule } from './fire-schedule.js'
export { runGroup } from './run-group.js'
export { trainJob } from './train-job.js'
