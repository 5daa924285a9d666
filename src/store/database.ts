import type { Generated, Kysely, Transaction } from 'kysely'

/**
 * The tables. Times are epoch milliseconds, booleans 0 or 1, JSON is text: the same on SQLite and PostgreSQL, so that one
 * code path serves both.
 */
export interface Database {
  projects: { id: string; created_at: number }
  tokens: TokenRow
  idempotency_keys: { project: string; key: string; body_hash: string; job_id: string; created_at: number }
  jobs: JobRow
  attempts: AttemptRow
  pools: { name: string; on_silence: 'wait' | 'fence'; preempts: number; created_at: number }
  hosts: HostRow
  devices: DeviceRow
  allocations: AllocationRow
  allocation_devices: { allocation_id: string; device_id: string; held: number }
  events: EventRow
  counters: { name: string; value: number }
  vendor_records: VendorRecordRow
  remote_runs: RemoteRunRow
}

export interface TokenRow {
  id: string
  hash: string
  role: 'admin' | 'user' | 'viewer' | 'host'
  project: string
  /** Only for role host: the one host that may speak with it; null until that host has said its id. */
  host_id: string | null
  expires_at: number | null
  created_at: number
}

export interface JobRow {
  id: string
  project: string
  name: string
  spec: string
  state: string
  pool: string
  priority: number
  /** 1: somebody wants the job stopped. */
  stop_wanted: number
  /** 1: it shall hold nothing until somebody resumes it. */
  pause_wanted: number
  /** JSON `{ by, at, force }` of the first stop. */
  stop: string | null
  /** Raised by every commit that the workflow must see; `seen` follows when it has read that version. */
  version: number
  seen: number
  raised_at: number
  /** Number of the current attempt; 0 before the first. */
  attempt: number
  queue_deadline: number | null
  total_deadline: number | null
  backoff_until: number | null
  /** JSON `{ reason: retries }`. */
  charged: string
  /** JSON Outcome, once ended. */
  outcome: string | null
  reason: string | null
  retry_of: string | null
  /** Which of the job's providers it has come to. */
  provider_index: number
  /** The job whose checkpoint folder this one uses: itself, or the first of its chain of retries. */
  checkpoints_of: string
  created_by: string
  created_at: number
  started_at: number | null
  ended_at: number | null
}

export interface AttemptRow {
  job_id: string
  number: number
  fence: number
  provider: string
  host_id: string | null
  wanted: 'none' | 'run' | 'stop'
  stop_cause: string | null
  queued_at: number
  granted_at: number | null
  launched_at: number | null
  accepted_at: number | null
  setup_at: number | null
  setup_done_at: number | null
  setup_cached: number
  started_at: number | null
  saving_at: number | null
  stalled_at: number | null
  stop_at: number | null
  exited_at: number | null
  empty_at: number | null
  stuck_at: number | null
  settled_at: number | null
  setup_deadline: number | null
  start_deadline: number | null
  run_deadline: number | null
  /** Until when this attempt's provider may leave it waiting, where another provider is next. */
  queue_deadline: number | null
  pid: number | null
  pid_start: number | null
  boot_id: string | null
  resume_from: string | null
  checkpoint: string | null
  exit: string | null
  refused: string | null
  outcome: string | null
  reason: string | null
  /** Number of the last fact taken from the host. */
  facts: number
}

export interface HostRow {
  id: string
  name: string
  pool: string
  boot_id: string
  version: string
  containment: string
  cpus: number
  memory_bytes: number
  disk_free_bytes: number
  connected: number
  /** `draining`: what runs there goes on, nothing new is placed. `removed`: it may not come back by itself. */
  admission: 'open' | 'draining' | 'removed'
  last_seen_at: number
  created_at: number
}

export interface DeviceRow {
  id: string
  host_id: string
  position: number
  kind: string
  uuid: string
  model: string
  memory_bytes: number | null
  /** `ok`, `quarantined` (a tree may still use it) or `gone` (the host no longer has it). */
  state: 'ok' | 'quarantined' | 'gone'
  note: string | null
}

export interface AllocationRow {
  id: string
  job_id: string
  attempt: number
  pool: string
  devices: number
  gpu_type: string | null
  cpus: number | null
  memory_bytes: number | null
  /** The longest that it can hold its devices once it has them, in milliseconds; null: nobody knows. */
  holds_for: number | null
  priority: number
  state: 'waiting' | 'granted' | 'released' | 'withdrawn' | 'quarantined'
  host_id: string | null
  requested_at: number
  granted_at: number | null
  released_at: number | null
}

export interface EventRow {
  seq: Generated<number>
  job_id: string
  attempt: number | null
  at: number
  type: string
  actor: string
  data: string
}

/** One thing that a vendor's client has made through the gateway: a template, a configuration, a job in that vendor's words. */
export interface VendorRecordRow {
  id: string
  vendor: string
  project: string
  kind: string
  /** The id that the vendor's client knows; used again after a deletion it means the newest. */
  vendor_id: string
  /** `vendor_id` of what it belongs to, such as the job of a version. */
  parent: string | null
  name: string | null
  /** JSON in that vendor's words; no credentials. */
  body: string
  /** The ordinary job behind it. */
  job_id: string | null
  created_at: number
  updated_at: number
  deleted_at: number | null
}

/** One attempt at another service. `intended` → `creating` (the call may have been made) → `accepted` → `ended`. */
export interface RemoteRunRow {
  job_id: string
  attempt: number
  provider: string
  /** By which the service lets us find it again. */
  key: string
  state: 'intended' | 'creating' | 'accepted' | 'ended'
  remote_id: string | null
  /** JSON: where to go on reading its logs. */
  cursor: string | null
  /** JSON: the end of each stream when the cursor was written, so that what was appended after it is not appended twice. */
  log_ends: string
  /** JSON: what the service said last. */
  status: string | null
  /** Why it cannot be reached at present, in words. */
  trouble: string | null
  /** When the right to make the creating call was taken. */
  claimed_at: number | null
  created_at: number
  updated_at: number
}

export type Db = Kysely<Database>
export type Trx = Transaction<Database>
export type Dialect = 'sqlite' | 'postgres'
