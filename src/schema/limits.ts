/** Largest job description accepted, in bytes of JSON. Larger inputs belong into the workdir. */
export const MAX_SPEC_BYTES = 1_000_000

/** Largest workdir that may be uploaded, in bytes, packed. */
export const MAX_BLOB_BYTES = 4 * 1024 ** 3

/** Largest checkpoint that is moved to another host, in bytes, packed. */
export const MAX_CHECKPOINT_BYTES = 1024 ** 4
