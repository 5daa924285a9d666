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

/**
 * GPUs on which the driver still sees compute processes, with their process ids in this machine's numbering; the list is
 * empty where the driver names none (processes of another container). Fails with `unavailable` as `discoverDevices`.
 */
export async function busyGpus({ run = runCommand }: { run?: Run } = {}): Promise<Map<string, number[]>> {
  const apps = (await nvidiaSmi(run, ['--query-compute-apps=gpu_uuid,pid,used_memory', AS_CSV])) ?? ''
  const busy = new Map<string, number[]>()
  for (const [uuid = '', pid = ''] of rows(apps)) {
    if (!uuid.startsWith('GPU-') && !uuid.startsWith('MIG-')) throw brokenSmi('gave what is no list of processes', apps)
    const pids = busy.get(uuid) ?? []
    if (/^\d+$/.test(pid)) pids.push(Number(pid))
    busy.set(uuid, pids)
  }
  return busy
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
