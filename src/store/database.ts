import type { Generated, Kysely, Transaction } from 'kysely'
import type { ArtifactState } from '../schema/artifact.js'
import type { GroupKind, GroupState, MemberState } from '../schema/group.js'

/**
 * The tables. Times are epoch milliseconds, booleans 0 or 1, JSON is text: the same on SQLite and PostgreSQL, so that one
 * code path serves both.
 */
export interface Database {
  projects: { id: string; created_at: number }
  tokens: TokenRow
  idempotency_keys: { project: string; key: string; body_hash: string; job_id: string; created_at: number }
  jobs: JobRow
  job_groups: GroupRow
  group_members: MemberRow
  job_waits: { job_id: string; after_id: string; outcome: 'any' | 'completed' }
  sweep_rungs: SweepRungRow
  sweep_results: SweepResultRow
  attempts: AttemptRow
  ranks: RankRow
  pools: { name: string; on_silence: 'wait' | 'fence'; preempts: number; created_at: number }
  hosts: HostRow
  devices: DeviceRow
  allocations: AllocationRow
  allocation_devices: { allocation_id: string; device_id: string; held: number }
  events: EventRow
  quotas: QuotaRow
  prices: PriceRow
  counters: { name: string; value: number }
  vendor_records: VendorRecordRow
  remote_runs: RemoteRunRow
  checkpoint_places: CheckpointPlaceRow
  checkpoint_moves: CheckpointMoveRow
  metric_sources: MetricSourceRow
  metric_series: MetricSeriesRow
  metric_blocks: MetricBlockRow
  job_progress: JobProgressRow
  artifact_sets: ArtifactSetRow
  artifact_files: ArtifactFileRow
  artifact_versions: ArtifactVersionRow
  artifact_tags: ArtifactTagRow
  job_inputs: JobInputRow
  blob_garbage: BlobGarbageRow
  workdir_blobs: { sha256: string }
  schedules: ScheduleRow
  schedule_fires: ScheduleFireRow
  templates: TemplateRow
  template_versions: TemplateVersionRow
  webhooks: WebhookRow
  notifications: NotificationRow
  eas_services: EasServiceRow
  eas_queues: EasQueueRow
  eas_entries: EasEntryRow
  eas_deliveries: EasDeliveryRow
  eas_consumers: EasConsumerRow
  eas_tasks: EasTaskRow
  eas_stops: { service_id: string; task_id: string; at: number }
  eas_scales: { service_id: string; instances: number; low_since: number | null }
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
  /** When 80 % of that limit will have passed; null: nothing to say, or it has been said. */
  queue_warn_at: number | null
  total_warn_at: number | null
  backoff_until: number | null
  /** JSON `{ reason: retries }`. */
  charged: string
  /** JSON Outcome, once ended. */
  outcome: string | null
  reason: string | null
  retry_of: string | null
  /** The group that it belongs to, and as which member; null: none. */
  group_id: string | null
  group_key: string | null
  /** It has not begun, and other jobs must have ended before it does: `job_waits` names them. */
  waits: number
  /** The schedule that submitted it. */
  schedule_id: string | null
  /** `name@version` of the template that it was made from. */
  template: string | null
  /** Which of the job's providers it has come to. */
  provider_index: number
  /** The job whose checkpoint folder this one uses: itself, or the first of its chain of retries. */
  checkpoints_of: string
  /** Of the outputs of the current attempt; null: it has written none, or has not ended. */
  artifacts_state: ArtifactState | null
  created_by: string
  created_at: number
  started_at: number | null
  ended_at: number | null
}

/** A pipeline or a sweep: jobs that one workflow submits and waits for. */
export interface GroupRow {
  id: string
  project: string
  kind: GroupKind
  name: string
  /** JSON, the kind's own. */
  spec: string
  state: GroupState
  stop_wanted: number
  /** As of a job: raised by every commit that the workflow must see. */
  version: number
  seen: number
  raised_at: number
  total_deadline: number | null
  /** The schedule that submitted it. */
  schedule_id: string | null
  /** JSON GroupOutcome, once ended. */
  outcome: string | null
  reason: string | null
  created_by: string
  created_at: number
  ended_at: number | null
}

/** A step of a pipeline or a trial of a sweep. */
export interface MemberRow {
  group_id: string
  /** The name of the step, the number of the trial. */
  key: string
  /** Order in which they are listed. */
  position: number
  state: MemberState
  /** Its newest job. */
  job_id: string | null
  /** Jobs that it has had. */
  jobs: number
  /** Why it failed or was skipped, in a sentence. */
  note: string | null
  /** When the kind wants to look at it though nothing has happened, such as the limit of a gate. */
  look_at: number | null
  /** JSON, the kind's own. */
  data: string
  ended_at: number | null
  /** How it ended, in one word: the reason of its job, or skipped, denied, promote_failed. */
  reason: string | null
  /** What its job depends on, as a hash; null: it is not taken over, and takes over nothing. */
  cache_key: string | null
  /** The group whose job it has taken over; null: it has none but its own. */
  taken_from: string | null
}

/** What a trial was worth at a level of its sweep's halving; null: it was not a number. */
export interface SweepRungRow {
  group_id: string
  /** The step. */
  rung: number
  key: string
  value: number | null
}

/** What a trial is worth, as its sweep's metric says. */
export interface SweepResultRow {
  group_id: string
  key: string
  value: number
}

export interface AttemptRow {
  job_id: string
  number: number
  fence: number
  provider: string
  /** Hosts that it runs on. Of more than one, what the hosts report stands in `ranks`, and here what comes of it. */
  nodes: number
  /** Of several, the one of rank 0. */
  host_id: string | null
  wanted: 'none' | 'run' | 'stop'
  /** That it asks for, on all its nodes together. */
  devices: number
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
  /** As `queue_warn_at` of a job. */
  setup_warn_at: number | null
  start_warn_at: number | null
  run_warn_at: number | null
  /** Until when this attempt's provider may leave it waiting, where another provider is next. */
  queue_deadline: number | null
  pid: number | null
  pid_start: number | null
  boot_id: string | null
  resume_from: string | null
  checkpoint: string | null
  /** Running time that the next attempt had to do again, ms; null as long as nobody went on after this one. */
  lost_ms: number | null
  exit: string | null
  refused: string | null
  outcome: string | null
  reason: string | null
  /** Number of the last fact taken from the host. */
  facts: number
}

/** What one host has reported of its rank. Only attempts of more than one node have such rows, made with the grant. */
export interface RankRow {
  job_id: string
  attempt: number
  rank: number
  host_id: string
  /** Number of the last fact taken from the host. */
  facts: number
  accepted_at: number | null
  setup_at: number | null
  setup_done_at: number | null
  setup_cached: number
  started_at: number | null
  stalled_at: number | null
  exited_at: number | null
  /** From here on it holds nothing. */
  empty_at: number | null
  stuck_at: number | null
  pid: number | null
  pid_start: number | null
  boot_id: string | null
  /** Of rank 0, JSON `{ address, port }`: where the ranks meet. */
  rendezvous: string | null
  /** JSON Exit. */
  exit: string | null
  refused: string | null
}

export interface HostRow {
  id: string
  name: string
  pool: string
  boot_id: string
  version: string
  containment: string
  /** Whether its kernel keeps the limits of a job; otherwise they are only counted. */
  enforces_cpus: number
  enforces_memory: number
  cpus: number
  memory_bytes: number
  disk_free_bytes: number
  /** Where the other hosts of an attempt reach it. */
  address: string
  connected: number
  /** `draining`: what runs there goes on, nothing new is placed. `removed`: it may not come back by itself. */
  admission: 'open' | 'draining' | 'removed'
  last_seen_at: number
  /** The agent that speaks for it, and the connection that it speaks by. */
  instance: string
  connection: string
  /** 1: it has been answered that what lives there may run for one lease only, and has said that it knows. */
  leased: number
  /** JSON object of strings. */
  labels: string
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
  /**
   * `ok`; `quarantined`: a tree may still use it; `busy`, `faulty`: as its host sees it, until the host says otherwise;
   * `gone`: the host no longer has it.
   */
  state: 'ok' | 'quarantined' | 'busy' | 'faulty' | 'gone'
  note: string | null
}

export interface AllocationRow {
  id: string
  job_id: string
  attempt: number
  pool: string
  /** Hosts that it wants; devices, CPUs and memory are those of each. */
  nodes: number
  devices: number
  gpu_type: string | null
  cpus: number | null
  memory_bytes: number | null
  /** The longest that it can hold its devices once it has them, in milliseconds; null: nobody knows. */
  holds_for: number | null
  priority: number
  /** `held_back`: it may not be granted yet, since the inputs of its job are not there. */
  state: 'held_back' | 'waiting' | 'granted' | 'released' | 'withdrawn' | 'quarantined'
  host_id: string | null
  requested_at: number
  granted_at: number | null
  released_at: number | null
  /** Of its job. */
  project: string | null
  created_by: string | null
}

/** What a project, or one user of it, may have at once; null: as much as there is. Empty `created_by`: all users; empty `pool`: all pools. */
export interface QuotaRow {
  project: string
  created_by: string
  pool: string
  devices: number | null
  running: number | null
  queued: number | null
}

/** What a device-hour costs from `since` until `until`, in millionths of the currency. */
export interface PriceRow {
  kind: 'pool' | 'provider'
  name: string
  micros: number
  currency: string
  since: number
  until: number | null
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

/** Which host has the last checkpoint of a job and its retries, where they are not in a shared folder. */
export interface CheckpointPlaceRow {
  checkpoints_of: string
  host_id: string
  path: string
  committed_at: number
}

/** A checkpoint that an attempt on another host waits for. `wanted` → `packing` → `ready` → `done`; or `none`: it does not come. */
/** What one host has of the outputs of an attempt; of several ranks each has its own. */
export interface ArtifactSetRow {
  job_id: string
  attempt: number
  rank: number
  host_id: string
  state: ArtifactState
  /** Whoever writes the files at present; an earlier writer may not end what it began. */
  writer: string | null
  files: number
  bytes: number
  /** Entries that were found and are not kept. */
  left_out: number
  /** JSON: what of the whole folder was left out, in words. */
  cut: string
  problem: string | null
  updated_at: number
  /** When it may be removed; null: never by itself. */
  expires_at: number | null
}

/** A blob that has lost a reference, and since when. */
export interface BlobGarbageRow {
  sha256: string
  since: number
}

export interface ArtifactFileRow {
  job_id: string
  attempt: number
  /** Of a rank other than 0 below `rank-<n>/`. */
  path: string
  rank: number
  size: number
  /** Null: it was found and is not kept, for the reason in `note`. */
  sha256: string | null
  mode: number
  mtime: number
  note: string | null
}

/** Versions are never changed: what a name stood for once can always be told. */
export interface ArtifactVersionRow {
  project: string
  name: string
  version: number
  job_id: string
  attempt: number
  /** Of the file or folder; empty: all outputs. */
  path: string
  files: number
  bytes: number
  created_by: string
  created_at: number
  removed_at: number | null
  removed_by: string | null
}

/** Each move of a tag; the highest `move` holds. Version 0: the tag was taken away. */
export interface ArtifactTagRow {
  project: string
  name: string
  tag: string
  move: number
  version: number
  moved_by: string
  moved_at: number
}

/** What a job takes from another's outputs. */
export interface JobInputRow {
  job_id: string
  key: string
  from_job: string
  /** Null while that job has not ended. */
  from_attempt: number | null
  path: string
  /** Where it was asked for by name: that, and the version that it meant at the submit. */
  name: string | null
  version: number | null
  state: 'waiting' | 'ready' | 'failed'
  /** Why it will never come, in words. */
  problem: string | null
}

export interface CheckpointMoveRow {
  job_id: string
  attempt: number
  from_host: string
  state: 'wanted' | 'packing' | 'ready' | 'done' | 'none'
  /** The blob that carries it; removed once the attempt runs or has ended. */
  sha256: string | null
  /** JSON: the line of the index that it has on the new host. */
  commit: string | null
  /** Why it does not come, in words. */
  problem: string | null
  created_at: number
  /** When the old host last said that it is at it. */
  updated_at: number
}

/** How far one source of an attempt's metrics has been taken; see store/metrics.ts. */
export interface MetricSourceRow {
  job_id: string
  attempt: number
  source: string
  end_offset: number
  final: number
  /** What the host's reader needs to go on from there. */
  state: string
  /** Taken from this source, those of names that another source owns not counted. */
  points: number
  /** JSON: how much was not kept, by why. */
  skipped: string
}

/** What one metric of one attempt amounts to. Values are finite or null; `count` tells whether there was one at all. */
export interface MetricSeriesRow {
  job_id: string
  attempt: number
  name: string
  source: string
  count: number
  not_finite: number
  /** Points whose step was not above all before. */
  out_of_order: number
  lowest_step: number | null
  highest_step: number | null
  last_step: number | null
  /** Null: not a number. */
  last_value: number | null
  last_at: number
  min_value: number | null
  min_step: number | null
  max_value: number | null
  max_step: number | null
  next_seq: number
  /** Blocks at its end that are not closed yet, and the points in them. */
  open_rows: number
  open_points: number
}

export interface MetricBlockRow {
  job_id: string
  attempt: number
  name: string
  seq: number
  count: number
  /** Of its steps, -1 where a point has none. */
  low_step: number
  high_step: number
  /** Of a closed block, the points that show its peaks. */
  outline: Uint8Array | null
  bytes: Uint8Array
}

/** The last that is known of how far a job is. */
export interface JobProgressRow {
  job_id: string
  attempt: number
  /** How much its source is believed. */
  weight: number
  step: number
  total: number | null
  left_ms: number | null
  /** Where the attempt was when it was first heard of, for its pace. */
  began_step: number
  began_at: number
  at: number
}

/** What is submitted again and again. Its name is unique among those of the project that are not removed. */
export interface ScheduleRow {
  id: string
  project: string
  name: string
  /** JSON Timing. */
  timing: string
  /** JSON ScheduleBody, placeholders and all. */
  body: string
  /** The first time that has no row in `schedule_fires` yet; null: it can never fire again. */
  next_at: number | null
  paused_at: number | null
  created_by: string
  created_at: number
  updated_at: number
  removed_at: number | null
}

/** A name for versions of a job. Unique among those of the project that are not removed. */
export interface TemplateRow {
  id: string
  project: string
  name: string
  /** Number of the newest version. */
  latest: number
  created_at: number
  removed_at: number | null
}

/** Never changed once it is written. */
export interface TemplateVersionRow {
  template_id: string
  version: number
  /** JSON, as its author wrote it. */
  job: string
  /** JSON list of places. */
  locked: string
  created_by: string
  created_at: number
}

/** One time of a schedule, and what came of it. */
export interface ScheduleFireRow {
  schedule_id: string
  nominal_at: number
  kind: 'time' | 'trigger' | 'backfill'
  state: 'submitted' | 'skipped' | 'waiting' | 'failed'
  /** In words, why; null where it was submitted. */
  reason: string | null
  job_id: string | null
  /** Of a pipeline or sweep. */
  group_id: string | null
  decided_at: number
}

/** Where a project wants to be told of things. */
export interface WebhookRow {
  id: string
  project: string
  /** By which descriptions name it; one of its own in the project while it is there. */
  name: string | null
  /** It hears only of what names it. */
  only_named: number
  /** Without what may be secret in it. */
  shown_url: string
  /** Address and secret, sealed under a key that is not in the store; empty once it was removed. */
  sealed: string
  /** JSON list of notices. */
  notices: string
  /** Messages that were not taken, since too many waited. */
  dropped: number
  created_by: string
  created_at: number
  removed_at: number | null
}

/** One message to one webhook. `pending` until it is taken, or given up: `dead`. */
export interface NotificationRow {
  id: string
  webhook_id: string
  type: string
  /** JSON, the very bytes that are signed and sent. */
  body: string
  state: 'pending' | 'delivered' | 'dead'
  attempts: number
  next_at: number | null
  last_error: string | null
  created_at: number
  settled_at: number | null
}

/** A service of the EAS facade. Its name is unique among those that live. */
export interface EasServiceRow {
  id: string
  project: string
  name: string
  /** 1: an entry of its input queue with the tag `taskType=command` becomes a job. */
  is_job_service: number
  /** SHA-256 of its token; null where the token stands in the configuration as the name of a secret. */
  token_hash: string | null
  /** JSON: what its deployment asked for; no credentials. */
  settings: string
  created_at: number
  deleted_at: number | null
}

/** One of the two queues of a service; `id` is `<service id>.input` or `<service id>.sink`. */
export interface EasQueueRow {
  id: string
  /** The index given last; never given again. */
  last_index: number
  /** Entries stored, delivered ones included, symbols not. */
  length: number
  state: 'Running' | 'End'
}

export interface EasEntryRow {
  queue_id: string
  index: number
  priority: number
  /** `task`: it has become a job, which is its worker. `symbol`: a word to the workers, past every queue. */
  kind: 'plain' | 'task' | 'symbol'
  request_id: string
  task_id: string | null
  /** JSON object of strings. */
  tags: string
  data: Buffer
  created_at: number
}

/** What a group has been given of a queue: `pending` until the consumer commits. No row: it waits. */
export interface EasDeliveryRow {
  queue_id: string
  gid: string
  index: number
  uid: string
  /** `committed`: done for this group, and another group still needs the entry. */
  state: 'pending' | 'committed'
  delivered_at: number
}

/** One watch, known as `gid.uid`; it outlives its connection by the grace time. */
export interface EasConsumerRow {
  queue_id: string
  gid: string
  uid: string
  /** Which connection is the newest one; null after it has gone. */
  connection: string | null
  /** The process that holds it. */
  server: string
  window: number
  auto_commit: number
  start_index: number
  /** JSON object: the filter. */
  tags: string
  /** `Leaving`: gone, and what it has not committed is kept for it for `grace_ms`; `Gone`: no longer. */
  state: 'Running' | 'Leaving' | 'Gone'
  grace_ms: number
  /** When its process last said that it is there. */
  seen_at: number
  left_at: number | null
}

/** A command put on the input of a job service. `waiting` for an instance → `given` to a job → `done`. */
export interface EasTaskRow {
  id: string
  service_id: string
  /** The client's name for it; of several that are done the newest counts. */
  task_id: string
  /** Of its entry on the input, and what that entry had. */
  index: number
  priority: number
  request_id: string
  state: 'waiting' | 'given' | 'done'
  job_id: string | null
  /** 1: its job has held a device, so the entry counts as delivered. */
  is_delivered: number
  /** The state in its newest sink entry; empty before the first. */
  said: string
  /** Up to where the log stands on the sink: the attempt, and the offset in its stream. */
  attempt: number
  told: number
  created_at: number
  ended_at: number | null
}

export type Db = Kysely<Database>
export type Trx = Transaction<Database>
export type Dialect = 'sqlite' | 'postgres'
