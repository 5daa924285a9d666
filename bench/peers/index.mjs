import { slurm } from './slurm.mjs'

/** What is measured beside Anneal by `--peers`, in the same run. Each starts and ends what it needs. */
export const PEERS = { slurm }
