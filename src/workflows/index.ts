export { fireSchedule } from './fire-schedule.js'
export { trainJob } from './train-job.js'
