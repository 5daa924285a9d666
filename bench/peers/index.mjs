import { slurm } from './slurm.mjs'
import { slurmArray } from './slurm-array.mjs'

/** What is measured beside Anneal by `--peers`, in the same run. Each starts and ends what it needs. */
export const PEERS = { slurm, 'slurm-array': slurmArray }
