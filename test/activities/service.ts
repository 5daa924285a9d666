import {
  type FaultKind,
  type Remote,
  RemoteFault,
  type RemoteLogs,
  type RemoteRequest,
  type RemoteStatus,
} from '../../src/providers/provider.js'

/** What the next create does: refuses without making anything, or makes the run and loses the answer. */
export type CreateTrick = FaultKind | 'made but lost' | 'waits'

/** A service in memory, with state, that misbehaves as it is told. */
export class StubService implements Remote {
  readonly runs = new Map<string, { id: string; phase: RemoteStatus['phase'] }>()
  /** Calls that asked for a run, whatever came of them. */
  creates = 0
  finds = 0
  stops: string[] = []
  /** How the next creates go; then they go well. */
  readonly tricks: CreateTrick[] = []
  /** How often the next looks say that there is no such run. */
  gone = 0
  /** Why a stop is refused, where it is. */
  stopFault: FaultKind | undefined
  log = Buffer.alloc(0)
  logFault = 0
  /** What it gives with each answer. */
  numbers: Pick<RemoteStatus, 'progress' | 'points'> = {}
  /** Lets a create that waits go on. */
  goOn: () => void = () => undefined
  isWaiting = false

  async find({ key }: RemoteRequest): Promise<string | undefined> {
    this.finds += 1
    return this.runs.get(key)?.id
  }

  async create({ key }: RemoteRequest): Promise<string> {
    this.creates += 1
    const trick = this.tricks.shift()
    if (trick === 'waits') {
      this.isWaiting = true
      await new Promise<void>((resolve) => {
        this.goOn = resolve
      })
    } else if (trick === 'made but lost') {
      this.#make(key)
      throw new RemoteFault('unclear', 'the answer was lost')
    } else if (trick) throw new RemoteFault(trick, `create is ${trick}`)
    return this.#make(key)
  }

  #make(key: string): string {
    const id = `run-${this.runs.size + 1}`
    this.runs.set(key, { id, phase: 'running' })
    return id
  }

  async status(id: string): Promise<RemoteStatus> {
    if (this.gone > 0) {
      this.gone -= 1
      throw new RemoteFault('gone', 'no such run')
    }
    const run = this.run(id)
    if (!run) throw new RemoteFault('gone', 'no such run')
    return { phase: run.phase, raw: run.phase, ...this.numbers }
  }

  async readLogs(_id: string, cursor: unknown): Promise<RemoteLogs> {
    if (this.logFault > 0) {
      this.logFault -= 1
      throw new RemoteFault('unavailable', 'no log now')
    }
    const from = (cursor as number | null) ?? 0
    const bytes = this.log.subarray(from, from + 10)
    const to = from + bytes.length
    return { pieces: bytes.length > 0 ? [{ stream: '0', bytes }] : [], cursor: to, more: to < this.log.length }
  }

  async stop(id: string): Promise<void> {
    this.stops.push(id)
    if (this.stopFault) throw new RemoteFault(this.stopFault, 'a run cannot be stopped here')
    const run = this.run(id)
    if (run) run.phase = 'stopped'
  }

  run(id: string) {
    return [...this.runs.values()].find((run) => run.id === id)
  }

  /** Sets what all its runs say. */
  say(phase: RemoteStatus['phase']): void {
    for (const run of this.runs.values()) run.phase = phase
  }
}
