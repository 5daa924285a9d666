import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { DeviceWatch } from '../../src/runner/device-watch.js'
import type { Device, DeviceTrouble } from '../../src/schema/agent.js'

const [A, B] = ['GPU-a', 'GPU-b'] as const
const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const step of cleanUp.splice(0)) step()
})

describe('who uses the GPUs of a machine', () => {
  test('is ours when it belongs to an attempt here, and an outsider otherwise', async () => {
    const [own, outsider] = [await sleeper(), await sleeper()]
    const machine = watch({ pids: [own], devices: [A] }, `${A}, ${own}, 100\n${B}, ${outsider}, 2000\n`)
    expect(await machine.it.troubleWith([A])).toBeUndefined()
    expect(await machine.it.troubleWith([B])).toMatch(
      new RegExp(`^GPU-b is used by pid ${outsider} \\(sleep, user \\w+\\), 2\\.1 GB, not a job of Anneal's\\.$`),
    )
    expect(machine.said.at(-1)).toMatchObject([{ uuid: B, state: 'busy' }])
  })

  test('is not one more outsider when it sits where a job of ours runs: that GPU is busy too', async () => {
    const [own, outsider] = [await sleeper(), await sleeper()]
    const machine = watch({ pids: [own], devices: [A] }, `${A}, ${own}, 100\n${A}, ${outsider}, 2000\n`)
    expect(await machine.it.troubleWith([A])).toContain(`used by pid ${outsider}`)
  })

  test('counts as ours on a GPU that we hold, and as an outsider elsewhere, when it cannot be seen from here', async () => {
    const gone = 2 ** 22 + 1 // above every pid that this machine gives
    const machine = watch({ pids: [], devices: [A] }, `${A}, ${gone}, 100\n${B}, [Not Found], [N/A]\n`)
    expect(await machine.it.troubleWith([A])).toBeUndefined()
    expect(await machine.it.troubleWith([B])).toBe(
      "GPU-b is used by a process that the driver does not name, not a job of Anneal's.",
    )
  })

  test('is asked anew for each attempt, and what has changed is said', async () => {
    const outsider = await sleeper()
    const machine = watch({ pids: [], devices: [] }, '')
    expect(await machine.it.troubleWith([A, B])).toBeUndefined()
    machine.apps = `${A}, ${outsider}, 1\n`
    expect(await machine.it.troubleWith([A])).toContain(`pid ${outsider}`)
    machine.apps = ''
    expect(await machine.it.troubleWith([A])).toBeUndefined()
    expect(machine.said.at(-1)).toEqual([])
  })

  test('is not known while nvidia-smi fails, and then no GPU may be used', async () => {
    const machine = watch({ pids: [], devices: [] }, new Error('Unable to determine the device handle'))
    expect(await machine.it.troubleWith([A])).toContain('Unable to determine the device handle')
    expect(machine.said.at(-1)?.map(({ state }) => state)).toEqual(['faulty', 'faulty'])
    machine.apps = ''
    expect(await machine.it.troubleWith([A])).toBeUndefined()
  })

  test('does not matter to an attempt on CPU slots', async () => {
    const machine = watch({ pids: [], devices: [] }, new Error('broken'))
    expect(await machine.it.troubleWith(['cpu-0'])).toBeUndefined()
  })
})

test('a damaged GPU is not to be used until it is mended', async () => {
  const machine = watch({ pids: [], devices: [] }, '', `${A}, No, No\n${B}, Yes, No\n`)
  expect(await machine.it.troubleWith([B])).toBe(
    'GPU-b is damaged: a row of its memory waits to be remapped; reset the GPU.',
  )
  expect(await machine.it.troubleWith([A])).toBeUndefined()
  expect(machine.said.at(-1)).toMatchObject([{ uuid: B, state: 'faulty' }])
})

/** A watch of two GPUs whose nvidia-smi answers as `apps` says at that time. */
function watch(uses: { pids: number[]; devices: string[] }, apps: string | Error, remapped = '') {
  const said: DeviceTrouble[][] = []
  const machine: { apps: string | Error; said: DeviceTrouble[][]; it: DeviceWatch } = {
    apps,
    said,
    it: new DeviceWatch({
      devices: [A, B].map(gpu),
      uses: () => uses,
      say: (troubles) => void said.push(troubles),
      logger: pino({ level: 'silent' }),
      run: async (_, [question = '']) => {
        if (question.startsWith('--query-remapped-rows')) return remapped
        if (!question.startsWith('--query-compute-apps')) throw new Error('not a valid field')
        if (machine.apps instanceof Error) throw machine.apps
        return machine.apps
      },
    }),
  }
  cleanUp.push(() => machine.it.close())
  return machine
}

async function sleeper(): Promise<number> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  cleanUp.push(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  return child.pid as number
}

function gpu(uuid: string, index: number): Device {
  return { index, kind: 'gpu', uuid, model: 'NVIDIA H200', memoryBytes: null }
}
