import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AttemptFacts, JobFacts } from '../../src/schema/contract.js'
import type { Cause } from '../../src/schema/diagnosis.js'
import { REASON_FACTS, REASONS } from '../../src/schema/outcome.js'
import { nextStep } from '../../src/workflows/next-step.js'

const NOW = 1_000_000

function job(more: Partial<JobFacts> = {}): JobFacts {
  return {
    version: 1,
    state: 'queued',
    stopWanted: false,
    queueDeadline: null,
    totalDeadline: null,
    backoffUntil: null,
    retry: { maxAttempts: null, backoff: { initial: 1000, factor: 2, max: 60_000 }, on: null },
    charged: {},
    jitterSeed: 7,
    attempt: null,
    ...more,
  }
}

function attempt(more: Partial<AttemptFacts> = {}): AttemptFacts {
  return {
    number: 1,
    granted: true,
    launched: true,
    setupDeadline: null,
    startDeadline: null,
    runDeadline: null,
    lookAgainAt: null,
    stalled: false,
    stopCause: null,
    exit: null,
    refused: null,
    empty: false,
    stuck: false,
    settled: false,
    ...more,
  }
}

const failed = attempt({ exit: { phase: 'run', code: 3 }, empty: true })

describe('the life of a job', () => {
  test('a new job begins its first attempt', () => {
    expect(nextStep(job(), NOW)).toEqual({ do: 'begin attempt' })
  })

  test('one that is to run after others waits until its total limit, and ends where that is in vain', () => {
    const after = { open: 2, unmet: null }
    expect(nextStep(job({ after, totalDeadline: NOW + 9 }), NOW)).toEqual({ do: 'wait', until: NOW + 9 })
    expect(nextStep(job({ after, totalDeadline: NOW }), NOW)).toMatchObject({ outcome: { reason: 'total_time_limit' } })
    expect(nextStep(job({ after, stopWanted: true }), NOW)).toMatchObject({ outcome: { reason: 'stopped' } })
    const inVain = nextStep(job({ after: { open: 1, unmet: 'said' } }), NOW)
    expect(inVain).toMatchObject({ do: 'settle', outcome: { reason: 'dependency_failed', message: 'said' } })
    expect(nextStep(job({ after: { open: 0, unmet: null } }), NOW)).toEqual({ do: 'begin attempt' })
  })

  test('an attempt without a device waits for one, until the queue limit', () => {
    const waiting = job({ queueDeadline: NOW + 5, attempt: attempt({ granted: false, launched: false }) })
    expect(nextStep(waiting, NOW)).toEqual({ do: 'wait', until: NOW + 5 })
    expect(nextStep(waiting, NOW + 5)).toMatchObject({ do: 'settle', outcome: { reason: 'queue_time_limit' } })
  })

  test('an attempt that gave its devices back says whether its job was paused, or another took them', () => {
    const over = attempt({ exit: { phase: 'run', code: 143, signalled: true }, stopCause: 'preempted', empty: true })
    const taken = { reason: 'preempted', message: REASON_FACTS.preempted.sentence }
    expect(nextStep(job({ attempt: over }), NOW)).toMatchObject({
      do: 'settle',
      outcome: taken,
      retry: { charge: false },
    })
    const paused = { reason: 'preempted', message: 'Paused.' }
    expect(nextStep(job({ attempt: over, pauseWanted: true }), NOW)).toMatchObject({ do: 'settle', outcome: paused })
  })

  test('an attempt with a device is launched, even when the queue limit passed meanwhile', () => {
    const granted = job({ queueDeadline: NOW - 5, attempt: attempt({ launched: false }) })
    expect(nextStep(granted, NOW)).toEqual({ do: 'launch' })
  })

  test('while it runs without limits nothing is waited for but a nudge', () => {
    expect(nextStep(job({ state: 'running', attempt: attempt() }), NOW)).toEqual({ do: 'wait', until: null })
  })

  test.each([
    ['setupDeadline', 'setup_failed'],
    ['startDeadline', 'start_time_limit'],
    ['runDeadline', 'run_time_limit'],
  ] as const)('%s leads to a stop because of %s', (deadline, cause) => {
    const running = job({ attempt: attempt({ [deadline]: NOW }) })
    expect(nextStep(running, NOW - 1)).toEqual({ do: 'wait', until: NOW })
    expect(nextStep(running, NOW)).toEqual({ do: 'stop', cause })
  })

  test('the total limit stops a running attempt, and ends a job that waits', () => {
    expect(nextStep(job({ totalDeadline: NOW, attempt: attempt() }), NOW)).toEqual({
      do: 'stop',
      cause: 'total_time_limit',
    })
    const backoff = job({ totalDeadline: NOW, backoffUntil: NOW + 50, attempt: attempt({ settled: true }) })
    expect(nextStep(backoff, NOW)).toMatchObject({ do: 'settle', outcome: { reason: 'total_time_limit' } })
  })

  test('an exit whose tree is not empty yet is waited for, whatever limit passes', () => {
    const left = job({ attempt: attempt({ exit: { phase: 'run', code: 0 }, runDeadline: NOW - 1 }) })
    expect(nextStep(left, NOW)).toEqual({ do: 'wait', until: null })
  })

  test('a process that ended by itself while a stop was on its way keeps its own end', () => {
    const done = job({
      stopWanted: true,
      attempt: attempt({ stopCause: 'stopped', exit: { phase: 'run', code: 0 }, empty: true }),
    })
    expect(nextStep(done, NOW)).toMatchObject({ do: 'settle', outcome: { reason: 'completed' }, retry: undefined })
  })

  test('a stop that took effect is the reason, whatever the exit code', () => {
    const exit = { phase: 'run' as const, code: 143, signalled: true }
    const stopped = job({ stopWanted: true, attempt: attempt({ stopCause: 'stopped', exit, empty: true }) })
    expect(nextStep(stopped, NOW)).toMatchObject({ do: 'settle', outcome: { reason: 'stopped', exitCode: 143 } })
  })

  test.each([
    [{ phase: 'run' as const, code: null, unknown: 'no_record' as const }, 'exit_unknown'],
    [{ phase: 'run' as const, code: null, unknown: 'reboot' as const }, 'host_lost'],
    [{ phase: 'setup' as const, code: 1 }, 'setup_failed'],
    [{ phase: 'run' as const, code: 1, outOfMemory: 'CUDA out of memory' }, 'out_of_memory'],
    [{ phase: 'run' as const, code: 1, diskFull: true }, 'host_disk_full'],
    [{ phase: 'run' as const, code: 5, memory: { kills: 1, limitBytes: 1, peakBytes: 1 } }, 'out_of_memory'],
    [{ phase: 'run' as const, code: 5, memory: { kills: 0, limitBytes: 1, peakBytes: 1 } }, 'process_failed'],
    [{ phase: 'run' as const, code: 0, memory: { kills: 1, limitBytes: 1, peakBytes: 1 } }, 'completed'],
    [
      {
        phase: 'run' as const,
        code: null,
        unknown: 'no_record' as const,
        memory: { kills: 2, limitBytes: null, peakBytes: 1 },
      },
      'out_of_memory',
    ],
    [{ phase: 'setup' as const, code: null, deviceBusy: 'GPU-1 is used by pid 7.' }, 'device_busy'],
    [{ phase: 'setup' as const, code: null, diskFull: true }, 'host_disk_full'],
    [{ phase: 'run' as const, code: 137 }, 'process_failed'],
  ])('the exit %o means %s', (exit, reason) => {
    const step = nextStep(job({ attempt: attempt({ exit, empty: true }) }), NOW)
    expect(step).toMatchObject({ do: 'settle', outcome: { reason } })
  })

  test('a stall says for how long nothing moved, and where its stacks are', () => {
    const stall = (stacks: boolean): AttemptFacts['exit'] => {
      return { phase: 'run', code: 137, signalled: true, stall: { sinceMs: 1_200_000, stacks } }
    }
    const messageOf = (exit: AttemptFacts['exit']) => {
      const step = nextStep(job({ attempt: attempt({ stopCause: 'stalled', exit, empty: true }) }), NOW)
      return step.do === 'settle' && step.outcome.message
    }
    expect(messageOf(stall(true))).toBe(
      'No log, metric or checkpoint for 20 min 00 s; what its processes were at stands in the log stream stacks.',
    )
    expect(messageOf(stall(false))).toBe('No log, metric or checkpoint for 20 min 00 s.')
    expect(messageOf({ phase: 'run', code: 137, signalled: true })).toBe(REASON_FACTS.stalled.sentence)
  })

  test('a tree that would not die ends the job and says so', () => {
    const stuck = job({ attempt: attempt({ stopCause: 'run_time_limit', stuck: true }) })
    expect(nextStep(stuck, NOW)).toMatchObject({ do: 'settle', outcome: { reason: 'run_time_limit' } })
  })
})

describe('trying again', () => {
  test('a failed process is not tried again unless the job says so', () => {
    expect(nextStep(job({ attempt: failed }), NOW)).toMatchObject({ do: 'settle', retry: undefined })
  })

  test('maxAttempts alone covers every reason that may be tried again', () => {
    const retry = { maxAttempts: 3, backoff: { initial: 1000, factor: 2, max: 60_000 }, on: null }
    expect(nextStep(job({ retry, attempt: failed }), NOW)).toMatchObject({ retry: { charge: true } })
    const spent = job({ retry, charged: { process_failed: 2 }, attempt: failed })
    expect(nextStep(spent, NOW)).toMatchObject({ retry: undefined })
  })

  test('with `on`, only the reasons named there, each as often as it says', () => {
    const retry = { maxAttempts: null, backoff: { initial: 1000, factor: 2, max: 60_000 }, on: { process_failed: 1 } }
    expect(nextStep(job({ retry, attempt: failed }), NOW)).toMatchObject({ retry: { charge: true } })
    expect(nextStep(job({ retry, charged: { process_failed: 1 }, attempt: failed }), NOW)).toMatchObject({
      retry: undefined,
    })
    const unknown = attempt({ exit: { phase: 'run', code: null }, empty: true })
    expect(nextStep(job({ retry, attempt: unknown }), NOW)).toMatchObject({ retry: undefined })
  })

  test('what refused its description or its data is not tried again, whatever `retry` says', () => {
    const retry = { maxAttempts: 9, backoff: { initial: 1000, factor: 2, max: 60_000 }, on: { process_failed: 9 } }
    const endOf = (cause: Cause) =>
      nextStep(
        job({
          retry,
          attempt: attempt({ exit: { phase: 'run', code: 2, diagnosis: { cause, line: 'row 7' } }, empty: true }),
        }),
        NOW,
      )
    expect(endOf('refused')).toMatchObject({
      retry: undefined,
      outcome: { reason: 'process_failed', exitCode: 2, message: expect.stringContaining('("row 7")') },
    })
    expect(endOf('exception')).toMatchObject({ retry: { charge: true } })
  })

  test('a lost host is tried again without counting', () => {
    const lost = attempt({ exit: { phase: 'run', code: null, unknown: 'reboot' }, empty: true })
    expect(nextStep(job({ attempt: lost }), NOW)).toMatchObject({ retry: { charge: false } })
  })

  test('the pause grows by its factor up to its maximum, with 10 % of jitter', () => {
    const retry = { maxAttempts: 99, backoff: { initial: 1000, factor: 2, max: 60_000 }, on: null }
    for (const [n, pause] of [
      [0, 1000],
      [1, 2000],
      [3, 8000],
      [20, 60_000],
    ] as const) {
      const step = nextStep(job({ retry, charged: { process_failed: n }, attempt: failed }), NOW)
      const until = (step as { retry: { until: number } }).retry.until - NOW
      expect(until).toBeGreaterThanOrEqual(pause * 0.9)
      expect(until).toBeLessThanOrEqual(pause * 1.1)
    }
  })

  test('a job that somebody stops is not tried again', () => {
    const retry = { maxAttempts: 9, backoff: { initial: 1000, factor: 2, max: 60_000 }, on: null }
    expect(nextStep(job({ stopWanted: true, retry, attempt: failed }), NOW)).toMatchObject({ retry: undefined })
  })

  test('every reason says what retries do with it, and has an exit code of its own', () => {
    expect(Object.keys(REASON_FACTS).sort()).toEqual([...REASONS].sort())
    expect(new Set(REASONS.map((reason) => REASON_FACTS[reason].exitCode)).size).toBe(REASONS.length)
  })
})

test('whatever the facts, there is a next step, and a wait is never for a time that has passed', () => {
  const maybe = (arb: fc.Arbitrary<number>) => fc.option(arb, { nil: null })
  const time = fc.integer({ min: NOW - 10, max: NOW + 10 })
  const facts = fc.record({
    granted: fc.boolean(),
    launched: fc.boolean(),
    setupDeadline: maybe(time),
    startDeadline: maybe(time),
    runDeadline: maybe(time),
    lookAgainAt: maybe(fc.integer({ min: NOW + 1, max: NOW + 10 })),
    stalled: fc.boolean(),
    empty: fc.boolean(),
    stuck: fc.boolean(),
    settled: fc.boolean(),
    stopWanted: fc.boolean(),
    queueDeadline: maybe(time),
    totalDeadline: maybe(time),
    backoffUntil: maybe(time),
    hasAttempt: fc.boolean(),
  })
  fc.assert(
    fc.property(facts, ({ stopWanted, queueDeadline, totalDeadline, backoffUntil, hasAttempt, ...rest }) => {
      const step = nextStep(
        job({ stopWanted, queueDeadline, totalDeadline, backoffUntil, attempt: hasAttempt ? attempt(rest) : null }),
        NOW,
      )
      if (step.do === 'wait' && step.until !== null) expect(step.until).toBeGreaterThan(NOW)
    }),
    { numRuns: 2000 },
  )
})
