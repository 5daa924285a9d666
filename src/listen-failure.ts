import { Failure } from './schema/failure.js'

/** Why a port could not be opened, in words that name the flag to change. */
export function listenFailure(error: unknown, host: string, port: number, flag: string): unknown {
  const code = (error as { code?: string }).code
  if (code === 'EADDRINUSE')
    return new Failure('unavailable', `Port ${port} on ${host} is in use by another program`, {
      cause: error,
      next: `Choose another with ${flag}, or end that program.`,
    })
  if (code === 'EACCES')
    return new Failure('unavailable', `Port ${port} on ${host} may not be opened by this user`, {
      cause: error,
      next: `Choose a port above 1023 with ${flag}.`,
    })
  return error
}
