import type { Logger } from 'pino'
import type { Device, DeviceTrouble } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { formatSize } from '../schema/size.js'
import { damagedGpus, type GpuProcess, gpuProcesses, type Run } from './devices.js'
import { ownerOf, readName } from './process-state.js'

/** Between two looks at who uses the GPUs; nvidia-smi takes from 20 ms to a second. */
const LOOK_EVERY = 10 * SECOND
/** Looks between two questions for damage, which changes rarely. */
const DAMAGE_EVERY = 6

/**
 * Tells the server which GPUs of this machine may not be handed out: those that somebody outside computes on, and those
 * that are damaged. Looks every ten seconds, and anew for each attempt that is about to start. A GPU comes back by itself
 * at the first look that finds nothing against it. Where nvidia-smi itself fails, no GPU may be used until it answers.
 */
export class DeviceWatch {
  #troubles: DeviceTrouble[] = []
  #looks = 0
  #damaged = new Map<string, string>()
  #looking: Promise<DeviceTrouble[]> | undefined
  readonly #gpus: string[]
  readonly #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly about: {
      devices: readonly Device[]
      /** Processes of our attempts, and the devices that these hold. */
      uses: () => { pids: number[]; devices: string[] }
      say: (troubles: DeviceTrouble[]) => void
      logger: Logger
      run?: Run
    },
  ) {
    this.#gpus = about.devices.filter(({ kind }) => kind === 'gpu').map(({ uuid }) => uuid)
    if (this.#gpus.length === 0) return
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY)
    void this.#look()
  }

  /** On a new connection: the server may remember what is no longer so. */
  greet(): void {
    if (this.#gpus.length > 0) this.about.say(this.#troubles)
  }

  /** What stands against using one of these now; the server has been told when this resolves. Never rejects. */
  async troubleWith(uuids: readonly string[]): Promise<string | undefined> {
    if (!uuids.some((uuid) => this.#gpus.includes(uuid))) return undefined
    await this.#looking // what it sees may be older than the question
    const trouble = (await this.#look()).find(({ uuid }) => uuids.includes(uuid))
    if (!trouble) return undefined
    this.about.say(this.#troubles)
    return `${trouble.uuid} is ${trouble.note}.`
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): Promise<DeviceTrouble[]> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookOnce(): Promise<DeviceTrouble[]> {
    const before = JSON.stringify(this.#troubles)
    try {
      const { run } = this.about
      const processes = await gpuProcesses({ run })
      if (this.#looks % DAMAGE_EVERY === 0) this.#damaged = await damagedGpus({ run })
      this.#looks += 1
      this.#troubles = this.#gpus.map((uuid) => this.#troubleOf(uuid, processes)).filter((it) => it !== undefined)
    } catch (error) {
      const note = `not to be seen: ${(error as Error).message}`.slice(0, 300)
      this.#troubles = this.#gpus.map((uuid) => ({ uuid, state: 'faulty', note }))
    }
    if (JSON.stringify(this.#troubles) !== before) {
      this.about.logger.info({ troubles: this.#troubles }, 'devices that may be handed out have changed')
      this.about.say(this.#troubles)
    }
    return this.#troubles
  }

  #troubleOf(uuid: string, processes: readonly GpuProcess[]): DeviceTrouble | undefined {
    const damage = this.#damaged.get(uuid)
    if (damage !== undefined) return { uuid, state: 'faulty', note: `damaged: ${damage}` }
    const outsiders = this.#outsidersOn(uuid, processes)
    return outsiders.length === 0 ? undefined : { uuid, state: 'busy', note: noteOf(outsiders) }
  }

  /**
   * A process that cannot be seen here, or is not named, lives in another container, or has just ended; while an attempt
   * of ours holds the GPU it counts as ours, since our own may look like that.
   */
  #outsidersOn(uuid: string, processes: readonly GpuProcess[]): GpuProcess[] {
    const { pids, devices } = this.about.uses()
    return processes.filter((process) => {
      if (process.uuid !== uuid || (process.pid !== null && pids.includes(process.pid))) return false
      const isSeen = process.pid !== null && readName(process.pid) !== undefined
      return isSeen || !devices.includes(uuid)
    })
  }
}

/** `used by pid 4711 (python, user ada), 20.0 GB, not a job of Anneal's`; the largest one is named. */
function noteOf(outsiders: readonly GpuProcess[]): string {
  const [first, ...others] = outsiders.toSorted((a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0))
  const { pid = null, memoryBytes = null } = first ?? {}
  const known = [pid === null ? undefined : readName(pid), pid === null ? undefined : ownerOf(pid)]
  const who = known[0] === undefined ? '' : ` (${known[0]}${known[1] === undefined ? '' : `, user ${known[1]}`})`
  const size = memoryBytes === null ? '' : `, ${formatSize(memoryBytes)}`
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  return `used by ${pid === null ? 'a process that the driver does not name' : `pid ${pid}${who}`}${size}${more}, not a job of Anneal's`
}
