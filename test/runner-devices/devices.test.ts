import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { damagedGpus, discoverDevices, gpuProcesses, type Run } from '../../src/runner/devices.js'
import { Device } from '../../src/schema/agent.js'

const TWO_GPUS = [
  '1, GPU-5f0b2c1e-0d55-6a3e-9c7d-1f1f3a6f2b02, NVIDIA H200, 143771',
  '0, GPU-8932f937-d72c-4106-c12f-20bd9faed9f6, NVIDIA H200, 143771',
  '',
].join('\n')
const TWO_LISTED = [
  'GPU 0: NVIDIA H200 (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)',
  'GPU 1: NVIDIA H200 (UUID: GPU-5f0b2c1e-0d55-6a3e-9c7d-1f1f3a6f2b02)',
  '',
].join('\n')
const ONE_SPLIT = [
  'GPU 0: NVIDIA H200 (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)',
  '  MIG 1g.18gb     Device  0: (UUID: MIG-a8d4d7ae-9a3c-5d6b-8b1e-6a1a2a5f9a55)',
  '  MIG 1g.18gb     Device  1: (UUID: MIG-5b1f8a2e-22c5-5a0c-9d9b-0c1a8f0c3b11)',
  'GPU 1: NVIDIA H200 (UUID: GPU-5f0b2c1e-0d55-6a3e-9c7d-1f1f3a6f2b02)',
  '',
].join('\n')
const NO_DRIVER =
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n"

const cleanUp: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const step of cleanUp.splice(0)) await step()
})

describe('the devices of a machine', () => {
  test('are as many CPU slots as were asked for, without a look for GPUs', async () => {
    const run = vi.fn<Run>()
    const devices = await discoverDevices({ devices: 2, cpus: 16, run })
    expect(devices).toEqual([
      { index: 0, kind: 'cpu', uuid: 'cpu-0', model: 'cpu', memoryBytes: null },
      { index: 1, kind: 'cpu', uuid: 'cpu-1', model: 'cpu', memoryBytes: null },
    ])
    expect(run).not.toHaveBeenCalled()
    expect(await discoverDevices({ devices: 0, cpus: 16, run })).toEqual([])
  })

  test.each([-1, 1.5, Number.NaN])('cannot be %d', async (devices) => {
    await expect(discoverDevices({ devices, cpus: 4 })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('are its GPUs in PCI order, known by UUID', async () => {
    const devices = await discoverDevices({ cpus: 16, run: smi({ gpus: TWO_GPUS, listing: TWO_LISTED }) })
    expect(devices).toEqual([
      gpu(0, 'GPU-8932f937-d72c-4106-c12f-20bd9faed9f6'),
      gpu(1, 'GPU-5f0b2c1e-0d55-6a3e-9c7d-1f1f3a6f2b02'),
    ])
    for (const device of devices) expect(Device.parse(device)).toEqual(device)
  })

  test('may not know their memory, and may have a comma in the name', async () => {
    const gpus = '0, GPU-1, NVIDIA GB10, [N/A]\n1, GPU-2, Odd, Name, [Not Supported]\n2, GPU-3, Old, 2048\n'
    const devices = await discoverDevices({ cpus: 1, run: smi({ gpus, listing: '' }) })
    expect(devices.map(({ model, memoryBytes }) => [model, memoryBytes])).toEqual([
      ['NVIDIA GB10', null],
      ['Odd, Name', null],
      ['Old', 2 ** 31],
    ])
  })

  test('do not include a GPU that is split by MIG, and a remark says so', async () => {
    const remarks: string[] = []
    const run = smi({ gpus: TWO_GPUS, listing: ONE_SPLIT })
    const devices = await discoverDevices({ cpus: 16, run, remark: (sentence) => remarks.push(sentence) })
    expect(devices.map(({ index }) => index)).toEqual([1])
    expect(remarks).toEqual([expect.stringMatching(/^GPU 0 \(GPU-8932.*MIG.*left aside/)])
  })

  test('are a CPU slot per core where there is no nvidia-smi', async () => {
    const run: Run = async () => Promise.reject(Object.assign(new Error('spawn nvidia-smi ENOENT'), { code: 'ENOENT' }))
    expect(await discoverDevices({ cpus: 3, run })).toHaveLength(3)
    expect(await discoverDevices({ cpus: 0.5, run })).toHaveLength(1)
  })

  test('are not guessed when nvidia-smi fails: what it says is passed on', async () => {
    const failing = await fakeSmi(`printf '%s' "${NO_DRIVER.trim()}"; exit 9`)
    vi.stubEnv('PATH', failing)
    await expect(discoverDevices({ cpus: 8 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining("couldn't communicate with the NVIDIA driver"),
      next: expect.stringContaining('--devices'),
    })
  })

  test.each(['No devices were found\n', '', 'Field "uuid" is not a valid field to query.\n'])(
    'are not guessed when nvidia-smi says %j',
    async (gpus) => {
      const run = smi({ gpus, listing: '' })
      await expect(discoverDevices({ cpus: 8, run })).rejects.toMatchObject({ code: 'unavailable' })
    },
  )

  test('are not guessed when nvidia-smi cannot be run', async () => {
    const folder = await fakeSmi('')
    await writeFile(join(folder, 'nvidia-smi'), 'no program')
    await chmod(join(folder, 'nvidia-smi'), 0o644)
    vi.stubEnv('PATH', folder)
    await expect(discoverDevices({ cpus: 8 })).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('come from a real process of that name on the PATH', async () => {
    vi.stubEnv('PATH', `${await fakeSmi(`case "$1" in -L) ;; *) echo '0, GPU-1, NVIDIA T4, 15360' ;; esac`)}`)
    expect(await discoverDevices({ cpus: 8 })).toEqual([
      { ...gpu(0, 'GPU-1'), model: 'NVIDIA T4', memoryBytes: 15360 * 2 ** 20 },
    ])
  })
})

describe('busy GPUs', () => {
  test('are those with compute processes, by UUID', async () => {
    const apps = 'GPU-1, 4242, 20000\nGPU-2, 17, [N/A]\nGPU-1, 4243, 512\n'
    expect(await gpuProcesses({ run: smi({ apps }) })).toEqual([
      { uuid: 'GPU-1', pid: 4242, memoryBytes: 20_000 * 2 ** 20 },
      { uuid: 'GPU-2', pid: 17, memoryBytes: null },
      { uuid: 'GPU-1', pid: 4243, memoryBytes: 512 * 2 ** 20 },
    ])
  })

  test('are busy also when the driver does not name the process', async () => {
    const unnamed = { uuid: 'GPU-1', pid: null, memoryBytes: null }
    expect(await gpuProcesses({ run: smi({ apps: 'GPU-1, [Not Found], [N/A]\n' }) })).toEqual([unnamed])
  })

  test('are none without processes, and none without nvidia-smi', async () => {
    expect(await gpuProcesses({ run: smi({ apps: '' }) })).toEqual([])
    vi.stubEnv('PATH', '/nonexistent')
    expect(await gpuProcesses()).toEqual([])
  })

  test('are not known when nvidia-smi fails', async () => {
    const run: Run = async () => Promise.reject(Object.assign(new Error('exit 9'), { code: 9, stdout: NO_DRIVER }))
    await expect(gpuProcesses({ run })).rejects.toMatchObject({ code: 'unavailable' })
    await expect(gpuProcesses({ run: smi({ apps: NO_DRIVER }) })).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('the damaged GPUs', () => {
  const REMAPPED =
    '--query-remapped-rows=gpu_uuid,remapped_rows.pending,remapped_rows.failure --format=csv,noheader,nounits'
  const RETIRED =
    '--query-gpu=uuid,retired_pages.pending,ecc.errors.uncorrected.volatile.total --format=csv,noheader,nounits'
  const answering = (answers: Record<string, string>): Run => {
    return async (_, args) => answers[args.join(' ')] ?? Promise.reject(new Error(`not known: ${args}`))
  }

  test('are those that wait for a reset, or cannot be mended', async () => {
    const run = answering({
      [REMAPPED]: 'GPU-1, No, No\nGPU-2, Yes, No\nGPU-3, No, Yes\n',
      [RETIRED]: 'GPU-1, No, 2\nGPU-2, [N/A], 0\nGPU-3, [N/A], 0\nGPU-4, Yes, 3\n',
    })
    expect(Object.fromEntries(await damagedGpus({ run }))).toEqual({
      'GPU-2': 'a row of its memory waits to be remapped; reset the GPU',
      'GPU-3': 'a row of its memory could not be remapped; the GPU must be replaced',
      'GPU-4': 'pages of its memory wait to be retired after 3 uncorrectable errors; reset the GPU',
    })
  })

  test('are none where the driver knows nothing of it', async () => {
    expect(await damagedGpus({ run: answering({}) })).toEqual(new Map())
    expect(await damagedGpus({ run: answering({ [REMAPPED]: 'GPU-1, [N/A], [N/A]\n' }) })).toEqual(new Map())
  })
})

function gpu(index: number, uuid: string): Device {
  return { index, kind: 'gpu', uuid, model: 'NVIDIA H200', memoryBytes: 143771 * 2 ** 20 }
}

/** An nvidia-smi that answers each of the three questions as given. */
function smi(answers: { gpus?: string; listing?: string; apps?: string }): Run {
  return async (command, args) => {
    const question = args.join(' ')
    const answer = {
      '--query-gpu=index,uuid,name,memory.total --format=csv,noheader,nounits': answers.gpus,
      '-L': answers.listing,
      '--query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits': answers.apps,
    }[question]
    if (command !== 'nvidia-smi' || answer === undefined) throw new Error(`unexpected: ${command} ${question}`)
    return answer
  }
}

/** A folder with a program `nvidia-smi` of that shell script. */
async function fakeSmi(script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'anneal-smi-'))
  cleanUp.push(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`)
  await chmod(join(folder, 'nvidia-smi'), 0o755)
  return folder
}
