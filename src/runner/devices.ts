import { execFile } from 'node:child_process'
import type { Device } from '../schema/agent.js'
import { Failure } from '../schema/failure.js'

/** Runs a command and gives what it wrote to stdout; rejects with `code: 'ENOENT'` when there is no such command. */
export type Run = (command: string, args: string[]) => Promise<string>

export interface DiscoveryOptions {
  /** `--devices N`: so many CPU slots, and no look for GPUs. */
  devices?: number | undefined
  /** Cores of this machine. */
  cpus: number
  run?: Run | undefined
  /** Told, in a sentence, of each GPU that is left aside. */
  remark?: ((sentence: string) => void) | undefined
}

const MIB = 1024 * 1024
/** A driver in trouble can keep nvidia-smi for minutes. Milliseconds. */
const SMI_LIMIT = 30_000
const AS_CSV = '--format=csv,noheader,nounits'

/**
 * What this machine has to give: its GPUs by PCI order; a CPU slot per core where there is no nvidia-smi. GPUs that are
 * split by MIG are left aside with a remark. Fails with `unavailable` where nvidia-smi is there and fails or gives no
 * whole GPU, since a GPU machine that passes for a CPU machine is worse than one that says what is wrong; with
 * `invalid_request` for a number of devices that is none.
 */
export async function discoverDevices(options: DiscoveryOptions): Promise<Device[]> {
  const { devices, cpus, run = runCommand, remark = () => undefined } = options
  if (devices !== undefined) return cpuSlots(wholeNumber(devices))
  const inventory = await nvidiaSmi(run, ['--query-gpu=index,uuid,name,memory.total', AS_CSV])
  if (inventory === undefined) return cpuSlots(Math.max(1, Math.floor(cpus)))
  const split = splitByMig((await nvidiaSmi(run, ['-L'])) ?? '')
  const found = rows(inventory).map(toGpu)
  for (const { index, uuid } of found) {
    if (split.has(uuid)) remark(`GPU ${index} (${uuid}) is split by MIG and left aside; only whole GPUs are given out.`)
  }
  const whole = found.filter(({ uuid }) => !split.has(uuid))
  if (whole.length === 0) throw brokenSmi('shows no GPU that can be given out', inventory)
  return whole.sort((a, b) => a.index - b.index)
}

/** A process that the driver sees computing on a GPU; its pid is null where the driver does not name it. */
export interface GpuProcess {
  uuid: string
  pid: number | null
  memoryBytes: number | null
}

/**
 * Who computes on the GPUs, with process ids in the numbering of the driver's machine; nobody where there is no
 * nvidia-smi. Fails with `unavailable` as `discoverDevices`.
 */
export async function gpuProcesses({ run = runCommand }: { run?: Run | undefined } = {}): Promise<GpuProcess[]> {
  const apps = (await nvidiaSmi(run, ['--query-compute-apps=gpu_uuid,pid,used_memory', AS_CSV])) ?? ''
  return rows(apps).map(([uuid = '', pid = '', memory = '']) => {
    if (!uuid.startsWith('GPU-') && !uuid.startsWith('MIG-')) throw brokenSmi('gave what is no list of processes', apps)
    return { uuid, pid: /^\d+$/.test(pid) ? Number(pid) : null, memoryBytes: mebibytes(memory) }
  })
}

/**
 * GPUs whose memory is damaged so that they need a reset or a replacement, with a sentence for each: rows that wait to be
 * remapped, or could not be, or pages that wait to be retired. Drivers and GPUs that know none of this say nothing.
 * Source: NVIDIA "GPU Memory Error Management", nvidia-smi --help-query-gpu and --help-query-remapped-rows; seen 2026-11.
 */
export async function damagedGpus({ run = runCommand }: { run?: Run | undefined } = {}): Promise<Map<string, string>> {
  const damaged = new Map<string, string>()
  const remapped = await optional(run, '--query-remapped-rows=gpu_uuid,remapped_rows.pending,remapped_rows.failure')
  for (const [uuid = '', pending, failure] of remapped) {
    if (isYes(pending)) damaged.set(uuid, 'a row of its memory waits to be remapped; reset the GPU')
    if (isYes(failure)) damaged.set(uuid, 'a row of its memory could not be remapped; the GPU must be replaced')
  }
  const retired = await optional(run, '--query-gpu=uuid,retired_pages.pending,ecc.errors.uncorrected.volatile.total')
  for (const [uuid = '', pending, errors = ''] of retired) {
    const count = /^\d+$/.test(errors) && errors !== '0' ? ` after ${errors} uncorrectable errors` : ''
    if (isYes(pending)) damaged.set(uuid, `pages of its memory wait to be retired${count}; reset the GPU`)
  }
  return damaged
}

/**
 * What each GPU is at, by UUID: `utilization` in percent, `memory` in bytes, `temperature` in °C, `power` in watts. What a GPU
 * does not tell is left out. Fails with `unavailable` as `discoverDevices`; nothing where there is no nvidia-smi.
 */
export async function gpuReadings({
  run = runCommand,
}: {
  run?: Run | undefined
} = {}): Promise<Map<string, Record<string, number>>> {
  const query = '--query-gpu=uuid,utilization.gpu,memory.used,temperature.gpu,power.draw'
  const found = new Map<string, Record<string, number>>()
  for (const [uuid = '', utilization, memory, temperature, power] of rows(
    (await nvidiaSmi(run, [query, AS_CSV])) ?? '',
  )) {
    const told = Object.entries({ utilization, memory, temperature, power }).filter(([, text]) => isNumber(text))
    found.set(
      uuid,
      Object.fromEntries(told.map(([name, text]) => [name, Number(text) * (name === 'memory' ? MIB : 1)])),
    )
  }
  return found
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text)
}

/** `Yes` or `1`, by query and driver. */
function isYes(value: string | undefined): boolean {
  return value === 'Yes' || value === '1'
}

async function optional(run: Run, query: string): Promise<string[][]> {
  try {
    return rows(await run('nvidia-smi', [query, AS_CSV]))
  } catch {
    return []
  }
}

function cpuSlots(count: number): Device[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    kind: 'cpu',
    uuid: `cpu-${index}`,
    model: 'cpu',
    memoryBytes: null,
  }))
}

/** A row of the inventory; a name may hold commas, the other columns do not. */
function toGpu(row: string[]): Device {
  const [index = '', uuid = '', ...rest] = row
  const memory = rest.pop() ?? ''
  if (!/^\d+$/.test(index) || !uuid.startsWith('GPU-')) throw brokenSmi('gave what is no list of GPUs', row.join(', '))
  return { index: Number(index), kind: 'gpu', uuid, model: rest.join(', '), memoryBytes: mebibytes(memory) }
}

/** `[N/A]` or `[Not Supported]` where the GPU has no memory of its own. */
function mebibytes(value: string): number | null {
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) * MIB : null
}

/** The GPUs under which `nvidia-smi -L` lists MIG devices. */
function splitByMig(listing: string): Set<string> {
  const split = new Set<string>()
  let gpu = ''
  for (const line of listing.split('\n')) {
    gpu = /^GPU \d+:.*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1] ?? gpu
    if (/^\s+MIG /.test(line)) split.add(gpu)
  }
  return split
}

function rows(csv: string): string[][] {
  const lines = csv.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => line.split(',').map((field) => field.trim()))
}

/** Undefined where there is no nvidia-smi. */
async function nvidiaSmi(run: Run, args: string[]): Promise<string | undefined> {
  try {
    return await run('nvidia-smi', args)
  } catch (error) {
    const { code, message, stdout, stderr } = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string }
    if (code === 'ENOENT') return undefined
    throw brokenSmi('failed', [stdout, stderr].join('\n').trim() || message, error)
  }
}

function brokenSmi(what: string, said: string, cause?: unknown): Failure {
  return new Failure('unavailable', `nvidia-smi is there but ${what}: ${said.trim().slice(0, 500) || 'no output'}`, {
    cause,
    next: 'Run nvidia-smi by hand and mend the driver, or give --devices N to go on with N CPU slots and no GPU.',
  })
}

function wholeNumber(devices: number): number {
  if (Number.isSafeInteger(devices) && devices >= 0) return devices
  throw new Failure('invalid_request', `--devices ${devices} is no number of devices; expected 0, 1, 2 …`)
}

function runCommand(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: SMI_LIMIT, encoding: 'utf8', maxBuffer: 16 * MIB }, (error, stdout, stderr) => {
      if (error) reject(Object.assign(error, { stdout, stderr }))
      else resolve(stdout)
    })
  })
}
