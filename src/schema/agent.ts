import { z } from 'zod'
import { CAUSES, type Cause } from './diagnosis.js'
import { name } from './job.js'

/**
 * What server and host agent say to each other over their WebSocket. Down: the attempts that the host should run or
 * stop, then changes. Up: a hello, numbered facts per attempt (repeated until acknowledged), beats.
 */

/** The agent beats this often; a host is silent once its last word is older than the lease. Milliseconds (design §4). */
export const BEAT_EVERY = 5_000
export const LEASE = 30_000

/**
 * What happens in a pool that fences, after the last beat of a host that the server answered. Milliseconds.
 *
 *   beat                 the lease has passed    seen by a poll   SIGKILL                     the server gives up
 *    │        LEASE        │  LEASE_ALLOWANCE  │  LEASE_POLL  │    grace    │  FENCE_MARGIN  │
 *    ├─────────────────────┼───────────────────┼──────────────┼─────────────┼────────────────┤
 *    0                    30                  45             50 s   TERM … KILL        60 s + grace
 *
 * On the host the lease is a time since boot, which nobody can set and which runs while the machine sleeps, counted from
 * before the beat went out. The server counts from when the beat came in, by its own monotonic clock. So no two clocks
 * are compared. The margin is for whole seconds (two roundings), a busy machine and the time that SIGKILL takes.
 */
export const LEASE_ALLOWANCE = 15_000
export const LEASE_POLL = 5_000
export const FENCE_MARGIN = 10_000

/** How long a host must have been silent before the server gives an attempt there up. Milliseconds. */
export function fenceAfter({ leaseMs, graceMs }: { leaseMs: number; graceMs: number }): number {
  return leaseMs + LEASE_ALLOWANCE + LEASE_POLL + graceMs + FENCE_MARGIN
}

/** What has outlived SIGKILL for this long is `stuck`: the job ends, its devices are quarantined (design §4). */
export const STUCK_AFTER = 60_000

const line = (most: number) =>
  z.string().regex(new RegExp(`^[^\\p{Cc}]{1,${most}}$`, 'u'), `expected 1–${most} characters on one line`)
/** More than any machine has: a petabyte of memory, an exabyte of disk. */
const memory = z.int().min(0).max(1e15)
const disk = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Devices that one host may have. */
const MAX_DEVICES = 1024
const MAX_LABELS = 32

export const Device = z.object({
  index: z.int().min(0).max(1_000_000),
  kind: z.enum(['gpu', 'cpu']),
  /** GPU UUID, or `cpu-N`: stable across restarts of the host. */
  uuid: line(100),
  model: line(200),
  memoryBytes: memory.nullable(),
})
export type Device = z.infer<typeof Device>

export const CONTAINMENT = ['cgroup', 'pid_namespace', 'best_effort'] as const
export type Containment = (typeof CONTAINMENT)[number]

/** One attempt as its host is told it. Everything the process gets comes from here, except the values of secrets. */
export const Assignment = z.object({
  jobId: z.string(),
  jobName: z.string(),
  attempt: z.int(),
  /** Rises with every attempt in the installation; carried by facts and logs, so that a stale holder is refused. */
  fence: z.int(),
  wanted: z.enum(['run', 'stop']),
  /** The server already knows of a start: without a trace on the host it must not be started again. */
  accepted: z.boolean(),
  /** Number of the last fact that the server has: a host that has lost the run folder goes on after it. */
  facts: z.int().optional(),
  command: z.union([z.string(), z.array(z.string())]),
  setup: z.string().nullable(),
  workdir: z.string().nullable(),
  env: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  /** Device UUIDs. */
  devices: z.array(z.string()),
  /** Of an attempt on several hosts, this host's number and how many there are; absent for one. */
  rank: z.int().optional(),
  nodes: z.int().optional(),
  /** Where its ranks meet; null until rank 0 has said so. Nothing is started before. */
  rendezvous: z.object({ address: z.string(), port: z.int() }).nullish(),
  /** Limits on what it may use; null, or left out: whatever there is. */
  cpus: z.number().nullable().optional(),
  memoryBytes: z.number().nullable().optional(),
  tty: z.boolean(),
  graceMs: z.number(),
  /** Set once the stop is wanted: epoch ms after which the tree is killed counts from the agent's own SIGTERM. */
  force: z.boolean(),
  /** Run limit in ms, counted from the start of the process; the wrapper enforces it when everybody else is gone. */
  runLimitMs: z.number().nullable(),
  stallMs: z.number().nullable(),
  logMaxBytes: z.number(),
  keepCheckpoints: z.number().nullable(),
  /** A folder that every host sees; the job's checkpoints lie in one of their own below it. */
  sharedCheckpoints: z.string().nullable().optional(),
  /** The job whose checkpoints this one inherits (a `retry` of an ended job). */
  checkpointsOf: z.string(),
  /** Another host has the last checkpoint: it is fetched from there before the start. */
  checkpointFrom: z
    .object({ host: z.string(), hostId: z.string(), path: z.string(), committedAt: z.number() })
    .nullable()
    .optional(),
  /** Bytes of outputs that are kept at most. */
  artifactMaxBytes: z.number().optional(),
  /** Keys of the inputs that are fetched before the setup; absent: none. */
  inputs: z.array(z.string()).optional(),
})
export type Assignment = z.infer<typeof Assignment>

/** A checkpoint that this host shall pack and upload, since the job goes on elsewhere. */
export const CheckpointUpload = z.object({ jobId: z.string(), attempt: z.int(), checkpointsOf: z.string() })
export type CheckpointUpload = z.infer<typeof CheckpointUpload>

/** How far the way of a checkpoint to another host is, as both hosts say and hear it. */
export const CheckpointMove = z.object({
  state: z.enum(['waiting', 'ready', 'none']),
  /** Of the tar file that carries the checkpoint and its manifest. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** What the new host takes down of it. */
  commit: z
    .object({
      path: z.string(),
      at: z.number(),
      by: z.enum(['declared', 'complete', 'quiet']),
      jobId: z.string(),
      attempt: z.number(),
      changedAt: z.number().optional(),
    })
    .optional(),
  /** Why it does not come, in words. */
  problem: z.string().optional(),
})
export type CheckpointMove = z.infer<typeof CheckpointMove>

const ExitFact = z.object({
  phase: z.enum(['setup', 'run']),
  code: z.int().nullable(),
  signalled: z.boolean().optional(),
  fenced: z.boolean().optional(),
  unknown: z.enum(['no_record', 'reboot']).optional(),
  outOfMemory: z.string().optional(),
  memory: z.object({ kills: z.int(), limitBytes: z.number().nullable(), peakBytes: z.number().nullable() }).optional(),
  deviceBusy: z.string().optional(),
  stall: z.object({ sinceMs: z.number(), stacks: z.boolean() }).optional(),
  diskFull: z.boolean().optional(),
  diagnosis: z.object({ cause: z.enum(Object.keys(CAUSES) as [Cause, ...Cause[]]), line: z.string() }).optional(),
})

/** What the host has seen of an attempt, in the order it happened. `at` is epoch ms by the host's clock. */
export const FactBody = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('accepted'),
    bootId: z.string(),
    /** From rank 0 of several: a port that was free there. */
    port: z.int().optional(),
  }),
  z.object({ type: z.literal('refused'), message: z.string() }),
  z.object({ type: z.literal('setup'), cached: z.boolean() }),
  z.object({ type: z.literal('setup_done'), cached: z.boolean() }),
  z.object({
    type: z.literal('started'),
    pid: z.int(),
    startTime: z.number(),
    bootId: z.string(),
    resumeFrom: z.string().nullable(),
    /** When that checkpoint was committed, by the clock of the host that saw it; null where nobody noted it. */
    resumeAt: z.number().nullable().optional(),
    /** False: its manifest was not finished, so it was taken at the word of its process. */
    resumeVerified: z.boolean().optional(),
  }),
  z.object({ type: z.literal('saving') }),
  z.object({
    type: z.literal('checkpoint'),
    path: z.string(),
    /** How it is known to be whole; this and what follows is absent in facts of earlier agents. */
    by: z.enum(['declared', 'complete', 'quiet']).optional(),
    committedAt: z.number().optional(),
    files: z.int().optional(),
    bytes: z.number().optional(),
    /** Since the commit before it, or the start of the process. */
    sinceMs: z.number().optional(),
    /** What of it could not be looked at, in words. */
    notes: z.array(z.string()).optional(),
  }),
  /** A committed checkpoint was found torn when this attempt was about to resume, and passed over. */
  z.object({ type: z.literal('checkpoint_damaged'), path: z.string(), problem: z.string(), message: z.string() }),
  /** The last checkpoint came from another host before the start, or did not, and why. */
  z.object({ type: z.literal('checkpoint_moved'), path: z.string(), from: z.string(), committedAt: z.number() }),
  z.object({ type: z.literal('checkpoint_left'), path: z.string(), from: z.string(), message: z.string() }),
  z.object({ type: z.literal('stalled'), sinceMs: z.number(), stacks: z.boolean().optional() }),
  /** Only of several ranks, where one that is silent waits for the others: it has moved again. */
  z.object({ type: z.literal('moving') }),
  z.object({ type: z.literal('exited'), exit: ExitFact }),
  /** Nothing of it lives any more. `outputs`: it has left some, which this host hands over. */
  z.object({ type: z.literal('empty'), outputs: z.boolean().optional() }),
  z.object({ type: z.literal('stuck'), pids: z.array(z.int()) }),
])
export type FactBody = z.infer<typeof FactBody>

export const Fact = z.object({
  jobId: z.string(),
  attempt: z.int().min(1),
  fence: z.int(),
  /** 1, 2, 3 … within the attempt; the server takes each once. */
  n: z.int().min(1),
  /** The server takes it as no earlier than the grant and no later than its own now. */
  at: z.number(),
  body: FactBody,
})
export type Fact = z.infer<typeof Fact>

/** What an operator says of a machine, such as `rack=a3` or, without a value, `nvlink`. */
export const Labels = z
  .record(
    z
      .string()
      .regex(/^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/, 'expected 1–63 of a–z, 0–9, dot, dash, underscore, slash'),
    z
      .string()
      .regex(/^([A-Za-z0-9]([A-Za-z0-9._:-]{0,61}[A-Za-z0-9])?)?$/, 'expected at most 63 letters, digits, . _ : -'),
  )
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `expected at most ${MAX_LABELS} labels`)

/** A time of the sender's own, in ms, that is sent back with the answer. */
const sentAt = z.number().optional()
/** Whether everything that lives on the host is under a lease: only then may its silence be taken for its end. */
const leased = z.boolean().default(false)

export const Hello = z.object({
  type: z.literal('hello'),
  hostId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1–64 letters, digits, dots, dashes'),
  /** Made at the start of the agent: tells one agent that comes again from a second one with the same id. */
  instance: line(64).default(''),
  name: line(255),
  pool: name,
  /** Where other hosts reach this one; absent: where its connection comes from. */
  address: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'expected a host name or an address')
    .optional(),
  bootId: line(64),
  version: line(64),
  containment: z.enum(CONTAINMENT),
  /** Which limits of a job the kernel keeps there; agents of before do not say. */
  enforces: z.object({ cpus: z.boolean(), memory: z.boolean() }).optional(),
  devices: z.array(Device).max(MAX_DEVICES).superRefine(refuseTwins),
  cpus: z.number().min(0).max(65_536),
  memoryBytes: memory,
  diskFreeBytes: disk,
  labels: Labels.default({}),
  sentAt,
  leased,
})
export type Hello = z.infer<typeof Hello>

function refuseTwins(devices: readonly Device[], context: z.RefinementCtx): void {
  const seen = new Set<string>()
  for (const [i, { uuid }] of devices.entries()) {
    if (seen.has(uuid)) context.addIssue({ code: 'custom', path: [i, 'uuid'], message: 'another device has the same' })
    seen.add(uuid)
  }
}

/** A device that may not be handed out, as its host sees it: used by somebody outside, or in need of repair. */
export const DeviceTrouble = z.object({
  uuid: z.string().max(255),
  state: z.enum(['busy', 'faulty']),
  note: z.string().max(1024),
})
export type DeviceTrouble = z.infer<typeof DeviceTrouble>

export const FromAgent = z.discriminatedUnion('type', [
  Hello,
  /** All that stands against handing out devices of this host at present; said after the hello and when it changes. */
  z.object({ type: z.literal('devices'), troubles: z.array(DeviceTrouble) }),
  z.object({ type: z.literal('facts'), facts: z.array(Fact) }),
  z.object({ type: z.literal('beat'), diskFreeBytes: disk, sentAt, leased }),
])
/** As it is sent; what has a default may be left out. */
export type FromAgent = z.input<typeof FromAgent>
export type FromAgentParsed = z.infer<typeof FromAgent>

export const ToAgent = z.discriminatedUnion('type', [
  /** The whole desired state, on connecting. Attempts on the host that are not named here are over for the server. */
  z.object({ type: z.literal('snapshot'), assignments: z.array(Assignment) }),
  z.object({ type: z.literal('change'), assignment: Assignment }),
  /** All that this host shall hand over at present; told whenever that changes. */
  z.object({ type: z.literal('uploads'), uploads: z.array(CheckpointUpload) }),
  z.object({ type: z.literal('ack'), facts: z.array(z.object({ jobId: z.string(), attempt: z.int(), n: z.int() })) }),
  /** Answers a hello and each beat: from its `sentAt` on, what lives there may run for so long. Null: without limit. */
  z.object({ type: z.literal('beat'), sentAt, leaseMs: z.number().nullable() }),
  z.object({ type: z.literal('refused'), code: z.string(), message: z.string(), next: z.string().optional() }),
])
export type ToAgent = z.infer<typeof ToAgent>
