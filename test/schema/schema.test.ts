import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/schema/duration.js'
import { JobSpec } from '../../src/schema/job.js'
import { problemsOf } from '../../src/schema/problems.js'
import { formatSize, parseSize } from '../../src/schema/size.js'

describe('durations and sizes', () => {
  test.each([
    ['90s', 90_000],
    ['2h', 7_200_000],
    ['3d', 259_200_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })
  test.each(['', '5', '-5s', '5 s', 's', '1w', '1e3s', 'PT5S', '5s '])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
  test.each([
    ['16GB', 16e9],
    ['16GiB', 2 ** 34],
    ['512 MB', 512e6],
    ['10B', 10],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })
  test.each(['', '16', '-1GB', '16gb', '1PB', 'GB'])('%j is no size', (text) => {
    expect(parseSize(text)).toBeUndefined()
  })
  test('they are written for people', () => {
    expect([
      formatDuration(850),
      formatDuration(12_400),
      formatDuration(372_000),
      formatDuration(187 * 60_000),
    ]).toEqual(['850 ms', '12.4 s', '6 min 12 s', '3 h 07 min'])
    expect([formatSize(10), formatSize(16e9)]).toEqual(['10 B', '16.0 GB'])
  })
})

function problems(input: unknown) {
  const result = JobSpec.safeParse(input)
  return result.success ? [] : problemsOf(result.error, JobSpec, input)
}

describe('what is wrong with a job description', () => {
  const good = { name: 'a', command: 'true' }
  test('a name and a command are enough, and everything else has its default', () => {
    const spec = JobSpec.parse(good)
    expect(spec).toMatchObject({
      priority: 50,
      pool: 'default',
      timeouts: { grace: '30s', setup: '1h' },
      retry: { backoff: { initial: '10s', factor: 2, max: '10m' } },
    })
  })
  test('an unknown key is refused with its path, its value and the nearest known name', () => {
    expect(problems({ ...good, resources: { gpu: 2 } })).toMatchObject([
      { path: 'resources.gpu', message: 'unknown key; did you mean gpus?', value: 2 },
    ])
    expect(problems({ ...good, prioritty: 3 })).toMatchObject([
      { path: 'prioritty', message: 'unknown key; did you mean priority?' },
    ])
  })
  test('an unknown key that is near to nothing is refused with the keys that there are', () => {
    expect(problems({ ...good, zzzzzz: 1 })[0]?.expected).toContain('command')
  })
  test.each([
    [{ timeouts: { run: '-5s' } }, 'timeouts.run', /duration/],
    [{ timeouts: { run: '0s' } }, 'timeouts.run', /above zero/],
    [{ timeouts: { run: 5 } }, 'timeouts.run', /string/],
    [{ priority: 101 }, 'priority', /100/],
    [{ resources: { memory: 'lots' } }, 'resources.memory', /size/],
    [{ env: { '1A': 'x' } }, 'env.1A', /key|variable/i],
    [{ env: { A: 'x\0y' } }, 'env.A', /NUL/],
    [{ name: 'Not A Name' }, 'name', /1–63/],
    [{ command: [] }, 'command', />=1 items/],
    [{ command: 7 }, 'command', /fits none/],
    [{ provider: 'slurm' }, 'provider', /fits none/],
    [{ provider: ['local', { name: 'eas', queue: 'soon' }] }, 'provider[1].queue', /duration/],
    [{ providerOptions: { slurm: {} } }, 'providerOptions.slurm', /./],
    [{ resources: { nodes: 65 } }, 'resources.nodes', /<=64/],
    [{ image: 'pytorch' }, 'image', /container runtime/],
    [{ retry: { on: { exploded: 1 } } }, 'retry.on.exploded', /./],
  ])('%o is refused at %s', (more, path, message) => {
    const [problem] = problems({ ...good, ...more })
    expect(problem?.path).toBe(path)
    expect(problem?.message).toMatch(message)
  })
  test('what is missing is named', () => {
    expect(problems({})).toEqual(
      [
        { path: 'name', message: 'is required' },
        { path: 'command', message: expect.any(String), value: undefined },
      ]
        .slice(0, 1)
        .concat(expect.objectContaining({ path: 'command' })),
    )
  })
})
