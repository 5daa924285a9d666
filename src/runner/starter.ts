import { basename } from 'node:path'
import { crashPoint } from '../crash-point.js'
import type { Assignment, FactBody } from '../schema/agent.js'
import type { Tree } from './containment/tree.js'
import type { FactLog } from './fact-log.js'
import { prepare, spawnWrapper } from './launch.js'
import { DeviceBusy } from './refusal.js'
import { awaitsRendezvous, freePort } from './rendezvous.js'
import type { Launch, RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import type { End } from './spawner.js'
import { readText } from './whole-file.js'

/** A machine on which it cannot live gets a moment between two tries. */
const SPAWN_AGAIN_MS = 200

/** Brings one attempt from its folder to a wrapper, in the background, and remembers why when that cannot be done. */
export class Starter {
  #preparing: AbortController | undefined
  #isWrapperOut = false
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

  /** Whether the wrapper that this agent had spawned may live; says nothing of one that an earlier agent spawned. */
  get isWrapperOut(): boolean {
    return this.#isWrapperOut
  }

  /** Begins; silent while it is under way. One of several ranks is accepted, and waits to be told where they meet. */
  begin(assignment: Assignment): void {
    if (this.#preparing || this.#isWrapperOut) return
    this.#accept(assignment)
    if (awaitsRendezvous(assignment)) return
    const { changed } = this.about
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

  #accept(assignment: Assignment): void {
    const { facts, site } = this.about
    if (facts.has('accepted')) return
    const port = assignment.rank === 0 ? { port: freePort() } : {}
    facts.append({ type: 'accepted', bootId: site.bootId, ...port })
    CRASH: crashPoint('agent.accepted-written')
  }

  async #launch(assignment: Assignment, signal: AbortSignal): Promise<void> {
    const { facts, site, changed } = this.about
    const subject = { ...this.about, assignment }
    try {
      if (assignment.inputs && !facts.has('setup')) facts.append({ type: 'setup', cached: false })
      const [launch, trouble] = await Promise.all([prepare(subject, signal), site.troubleWith(assignment.devices)])
      // A long preparation may have outlived the lease, and then the server may have given the attempt up.
      if (signal.aborted || !site.lease.isGood) return
      if (trouble !== undefined) throw new DeviceBusy(trouble)
      reportSetup(facts, launch, assignment)
      reportCheckpoints(facts, launch)
      this.#isWrapperOut = true
      spawnWrapper(subject, launch, (end) => this.#ended(end))
      CRASH: crashPoint('agent.wrapper-spawned')
    } catch (error) {
      this.#isWrapperOut = false
      if (!signal.aborted) this.#failure = error as NodeJS.ErrnoException
      return
    }
    changed()
  }

  /** Where the spawner was lost nobody knows whether there is a wrapper: the next look spawns one more, which is harmless. */
  #ended(end: End): void {
    const { folder, site, changed } = this.about
    this.#isWrapperOut = false
    if (end.kind === 'lost') {
      site.logger.warn({ run: folder.path }, 'the process that starts wrappers has ended; there will be another')
      setTimeout(changed, SPAWN_AGAIN_MS).unref()
      return
    }
    if (!folder.has('started')) {
      const said = readText(folder.file('wrapper.log'))
      this.#failure = end.kind === 'failed' ? end.error : new Error(`its wrapper ended at once: ${said}`)
    }
    changed()
  }
}

/** A setup that was there already is over; so are inputs without one, which were fetched within its clock. */
function reportSetup(facts: FactLog, { setup }: Launch, { inputs }: Assignment): void {
  const isOver = setup ? setup.cached : inputs !== undefined
  if (!isOver || facts.has('setup_done')) return
  const cached = setup !== null
  const begun: FactBody[] = facts.has('setup') ? [] : [{ type: 'setup', cached }]
  facts.append(...begun, { type: 'setup_done', cached })
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
