/** Largest job description accepted, in bytes of JSON. Larger inputs belong into the workdir. */
export const MAX_SPEC_BYTES = 1_000_000

/** Largest workdir that may be uploaded, in bytes, packed. */
export const MAX_BLOB_BYTES = 4 * 1024 ** 3

/** Largest checkpoint that is moved to another host, in bytes, packed. */
export const MAX_CHECKPOINT_BYTES = 1024 ** 4

/** Longest name of a metric, in characters: a path in a URL has to hold it, with everything in it escaped. */
export const MAX_METRIC_NAME = 100

/** Different names in one job. Each costs a row per attempt, and a reader sees them all in one list. */
export const MAX_METRIC_NAMES = 2_000

/** Points in one job, of all names and attempts: at about 8 bytes a point 160 MB. */
export const MAX_METRIC_POINTS = 20_000_000

/** Points in one request: they are packed in a single transaction, which everyone else waits for; some 10 ms. */
export const MAX_BATCH_POINTS = 10_000

/** Largest request with points, in bytes of JSON: that many points of the longest form, and their names. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024
