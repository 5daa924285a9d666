import type { QueueKind } from './queues.js'

/** Which queue of which service a path means (reference §13 #14); no name: the default service. */
export interface Place {
  name: string | undefined
  kind: QueueKind
  /** Something stands behind the service's name that is no queue: only a put may go there, to the input. */
  hasSuffix: boolean
}

/** Undefined: no path of the queues. Trailing and doubled slashes do not matter. */
export function placeOfPath(path: string): Place | undefined {
  const parts = decoded(path)
  if (!parts) return undefined
  const isSink = parts[0] === 'sink'
  const rest = isSink ? parts.slice(1) : parts
  if (rest.length === 0) return { name: undefined, kind: isSink ? 'sink' : 'input', hasSuffix: false }
  if (rest[0] !== 'api' || rest[1] !== 'predict') return undefined
  const [name, ...suffix] = rest.slice(2)
  if (isSink) return suffix.length === 0 ? { name, kind: 'sink', hasSuffix: false } : undefined
  if (name === 'sink' && suffix.length === 0) return { name: undefined, kind: 'sink', hasSuffix: false }
  if (suffix.length === 1 && suffix[0] === 'sink') return { name, kind: 'sink', hasSuffix: false }
  return { name, kind: 'input', hasSuffix: suffix.length > 0 }
}

/** Whether a path is one of EAS, also where nothing stands there. */
export function isQueuePath(path: string): boolean {
  return path === '/' || /^\/(sink|api\/predict)(\/|$)/.test(path)
}

function decoded(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
  } catch {
    return undefined
  }
}
