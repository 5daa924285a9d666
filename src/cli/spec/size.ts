import { Failure } from '../../schema/failure.js'
import { MAX_SPEC_BYTES } from '../../schema/limits.js'

/** Fails with `too_large`. `what` has so many bytes, or at least so many. */
export function checkSize(what: string, bytes: number, most = MAX_SPEC_BYTES): void {
  if (bytes <= most) return
  throw new Failure('too_large', `${what} has ${bytes} bytes; a description may have ${most}`, {
    next: 'put data into the workdir, which may be larger',
  })
}
