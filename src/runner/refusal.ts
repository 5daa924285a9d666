/** This host will not start the attempt; the message says why and what to do, for the owner of the job. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
