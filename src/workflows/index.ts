export { trainJob } from './train-job.js'
