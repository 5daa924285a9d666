/**
 * What a client of the queues has done wrong, with the status that its SDK expects (reference eas-queue.md §13 #26, #35):
 * 400 bad parameter, 401 bad token, 404 no such thing, 409 ended, 413 entry too large, 429 queue full.
 */
export class QueueProblem extends Error {
  readonly statusCode: 400 | 401 | 404 | 409 | 413 | 429

  constructor(statusCode: QueueProblem['statusCode'], message: string) {
    super(message)
    this.statusCode = statusCode
  }
}
