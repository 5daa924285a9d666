/** This host will not start the attempt; the message says why and what to do, for the owner of the job. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** A device that the attempt was given may not be used at present; the job is to wait for another. */
export class DeviceBusy extends Error {
  override readonly name = 'DeviceBusy'
}
