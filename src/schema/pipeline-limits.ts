/** Steps of a file, and members after the fan-outs: the figures speak of 5,000; a look reads them all. */
export const MAX_STEPS = 5_000
export const MAX_STEPS_FANNED = 10_000
/** Bytes of JSON of one pipeline: 5,000 steps of 800 bytes. */
export const MAX_PIPELINE_BYTES = 4_000_000
