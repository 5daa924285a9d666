import { z } from 'zod'
import { CAUSES, type Cause } from './diagnosis.js'

/**
 * What server and host agent say to each other over their WebSocket. Down: the attempts that the host should run or
 * stop, then changes. Up: a hello, numbered facts per attempt (repeated until acknowledged), beats.
 */

/** The agent beats this often; a host is silent once its last word is older than the lease. Milliseconds (design §4). */
export const BEAT_EVERY = 5_000
export const LEASE = 30_000
/** What has outlived SIGKILL for this long is `stuck`: the job ends, its devices are quarantined (design §4). */
export const STUCK_AFTER = 60_000

export const Device = z.object({
  index: z.int(),
  kind: z.enum(['gpu', 'cpu']),
  /** GPU UUID, or `cpu-N`: stable across restarts of the host. */
  uuid: z.string(),
  model: z.string(),
  memoryBytes: z.number().nullable(),
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
  unknown: z.enum(['no_record', 'reboot']).optional(),
  outOfMemory: z.string().optional(),
  diskFull: z.boolean().optional(),
  diagnosis: z.object({ cause: z.enum(Object.keys(CAUSES) as [Cause, ...Cause[]]), line: z.string() }).optional(),
})

/** What the host has seen of an attempt, in the order it happened. `at` is epoch ms by the host's clock. */
export const FactBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('accepted'), bootId: z.string() }),
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
  z.object({ type: z.literal('stalled'), sinceMs: z.number() }),
  z.object({ type: z.literal('exited'), exit: ExitFact }),
  z.object({ type: z.literal('empty') }),
  z.object({ type: z.literal('stuck'), pids: z.array(z.int()) }),
])
export type FactBody = z.infer<typeof FactBody>

export const Fact = z.object({
  jobId: z.string(),
  attempt: z.int(),
  fence: z.int(),
  /** 1, 2, 3 … within the attempt; the server takes each once. */
  n: z.int(),
  at: z.number(),
  body: FactBody,
})
export type Fact = z.infer<typeof Fact>

export const Hello = z.object({
  type: z.literal('hello'),
  hostId: z.string(),
  name: z.string(),
  pool: z.string(),
  bootId: z.string(),
  version: z.string(),
  containment: z.enum(CONTAINMENT),
  devices: z.array(Device),
  cpus: z.number(),
  memoryBytes: z.number(),
  diskFreeBytes: z.number(),
})
export type Hello = z.infer<typeof Hello>

export const FromAgent = z.discriminatedUnion('type', [
  Hello,
  z.object({ type: z.literal('facts'), facts: z.array(Fact) }),
  z.object({ type: z.literal('beat'), diskFreeBytes: z.number() }),
])
export type FromAgent = z.infer<typeof FromAgent>

export const ToAgent = z.discriminatedUnion('type', [
  /** The whole desired state, on connecting. Attempts on the host that are not named here are over for the server. */
  z.object({ type: z.literal('snapshot'), assignments: z.array(Assignment) }),
  z.object({ type: z.literal('change'), assignment: Assignment }),
  /** All that this host shall hand over at present; told whenever that changes. */
  z.object({ type: z.literal('uploads'), uploads: z.array(CheckpointUpload) }),
  z.object({ type: z.literal('ack'), facts: z.array(z.object({ jobId: z.string(), attempt: z.int(), n: z.int() })) }),
  z.object({ type: z.literal('refused'), code: z.string(), message: z.string() }),
])
export type ToAgent = z.infer<typeof ToAgent>
