import { expect, test } from 'vitest'
import { diagnose, verdictOf } from '../../src/schema/diagnosis.js'
import { JobSpec } from '../../src/schema/job.js'
import { environmentAfter } from '../../src/schema/remedy.js'

const traceback = ['Traceback (most recent call last):', '  File "train.py", line 3, in <module>']

test.each([
  [1, ['step 10', 'NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.'], 'device_error'],
  [1, [...traceback, 'RuntimeError: CUDA error: uncorrectable ECC error encountered'], 'device_error'],
  [1, ["{'loss': nan, 'epoch': 1.0}", 'ValueError: stopped'], 'diverged'],
  [1, ['loss=nan'], 'diverged'],
  [1, ['[rank0]: Watchdog caught collective operation timeout: WorkNCCL'], 'communication'],
  [1, [...traceback, "ModuleNotFoundError: No module named 'torch'"], 'missing_module'],
  [2, ["python3: can't open file '/w/none.py': [Errno 2] No such file or directory"], 'missing_file'],
  [1, [...traceback, "PermissionError: [Errno 13] Permission denied: '/data'"], 'forbidden'],
  [127, ['sh: 1: pyton: not found'], 'not_runnable'],
  [1, [...traceback, 'torch.distributed.elastic.ChildFailedError: train.py FAILED'], 'exception'],
])('exit code %i with %j is %s', (code, tail, cause) => {
  expect(diagnose(code, tail)?.cause).toBe(cause)
})

test.each([[['loss: 0.31', 'nanometer model loaded']], [['finished']], [[]]])('nothing is read into %j', (tail) =>
  expect(diagnose(1, tail)).toBeUndefined(),
)

test('a hardware error explains all that follows it', () => {
  const tail = ['NVRM: Xid 48', 'loss: nan', 'RuntimeError: gave up']
  expect(verdictOf(diagnose(1, tail) as never)).toBe('a device reported a hardware error ("NVRM: Xid 48")')
})

test('a remedy counts from the value of the job, never below one', () => {
  const on = { out_of_memory: { attempts: 9, env: { B: 'halve', A: 'double' } } }
  const spec = JobSpec.parse({ name: 'j', command: 'x', env: { B: '5', A: '3' }, retry: { on } })
  expect([0, 1, 2, 5].map((n) => environmentAfter(spec, { out_of_memory: n }))).toEqual([
    { B: '5', A: '3' },
    { B: '2', A: '6' },
    { B: '1', A: '12' },
    { B: '1', A: '96' },
  ])
})

test('a remedy that halves what is no number is refused at its place', () => {
  const on = { out_of_memory: { attempts: 1, env: { BATCH: 'halve' } } }
  const error = JobSpec.safeParse({ name: 'j', command: 'x', retry: { on } }).error
  expect(error?.issues).toMatchObject([
    { path: ['retry', 'on', 'out_of_memory', 'env', 'BATCH'], message: expect.stringContaining('not set') },
  ])
})
