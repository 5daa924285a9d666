import type { ChildProcess } from 'node:child_process'
import { basename } from 'node:path'
import { crashPoint } from '../crash-point.js'
import type { Assignment, FactBody } from '../schema/agent.js'
import type { Tree } from './containment/tree.js'
import type { FactLog } from './fact-log.js'
import { prepare, spawnWrapper } from './launch.js'
import type { Launch, RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import { readText } from './whole-file.js'

/** Brings one attempt from its folder to a wrapper, in the background, and remembers why when that cannot be done. */
export class Starter {
  #preparing: AbortController | undefined
  #child: ChildProcess | undefined
  #failure: NodeJS.ErrnoException | undefined

  constructor(
    private readonly about: {
      site: Site
      folder: RunFolder
      tree: Tree
      facts: FactLog
      /** Something has come of it: a wrapper that runs or has ended, or a failure. */
      changed: () => void
    },
  ) {}

  /** Why the host cannot start it. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure
  }

  /** Whether the wrapper that this agent spawned lives; says nothing of one that an earlier agent spawned. */
  get isChildAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Begins; silent while it is under way. */
  begin(assignment: Assignment): void {
    if (this.#preparing || this.isChildAlive) return
    const { facts, site, changed } = this.about
    if (!facts.has('accepted')) {
      facts.append({ type: 'accepted', bootId: site.bootId })
      CRASH: crashPoint('agent.accepted-written')
    }
    const preparing = new AbortController()
    this.#preparing = preparing
    void this.#launch(assignment, preparing.signal).finally(() => {
      this.#preparing = undefined
      changed()
    })
  }

  /** Nobody wants it any more: ends a download or a copy. A wrapper that runs goes on. */
  abort(): void {
    this.#preparing?.abort()
  }

  async #launch(assignment: Assignment, signal: AbortSignal): Promise<void> {
    const { facts, changed } = this.about
    const subject = { ...this.about, assignment }
    try {
      const launch = await prepare(subject, signal)
      if (signal.aborted) return
      if (launch.setup?.cached && !facts.has('setup_done')) {
        facts.append({ type: 'setup', cached: true }, { type: 'setup_done', cached: true })
      }
      reportCheckpoints(facts, launch)
      this.#child = spawnWrapper(subject, launch)
      CRASH: crashPoint('agent.wrapper-spawned')
    } catch (error) {
      if (!signal.aborted) this.#failure = error as NodeJS.ErrnoException
      return
    }
    this.#child.unref()
    this.#child.once('error', (error) => this.#ended(error))
    this.#child.once('exit', () => this.#ended())
    changed()
  }

  #ended(error?: Error): void {
    const { folder, changed } = this.about
    const said = readText(folder.file('wrapper.log'))
    if (!folder.has('started')) this.#failure = error ?? new Error(`its wrapper ended at once: ${said}`)
    changed()
  }
}

/** What was met on the way to the checkpoint, once, also where an agent died between settling the launch and this. */
function reportCheckpoints(facts: FactLog, launch: Launch): void {
  if (facts.has('checkpoint_damaged') || facts.has('checkpoint_moved') || facts.has('checkpoint_left')) return
  const bodies = [...arrivalFacts(launch), ...damageFacts(launch)]
  if (bodies.length > 0) facts.append(...bodies)
}

function arrivalFacts({ arrival, ...launch }: Launch): FactBody[] {
  if (!arrival) return []
  const { from, path, committedAt } = arrival
  if (committedAt !== undefined) return [{ type: 'checkpoint_moved', path, from, committedAt }]
  const message = `checkpoint ${basename(path)} stays on host ${from}: ${arrival.problem}; ${next(launch)}`
  return [{ type: 'checkpoint_left', path, from, message }]
}

function damageFacts({ passedOver = [], ...launch }: Launch): FactBody[] {
  return passedOver.map(({ path, problem }) => ({
    type: 'checkpoint_damaged' as const,
    path,
    problem,
    message: `checkpoint ${basename(path)} is damaged: ${problem}; ${next(launch)}`,
  }))
}

function next({ resumeFrom }: Pick<Launch, 'resumeFrom'>): string {
  return resumeFrom === null ? 'starting from the beginning' : `resuming from ${basename(resumeFrom)}`
}
