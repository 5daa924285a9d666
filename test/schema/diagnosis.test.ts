import { expect, test } from 'vitest'
import { diagnose, isFinal, memoryVerdict, verdictOf } from '../../src/schema/diagnosis.js'
import { JobSpec } from '../../src/schema/job.js'
import { environmentAfter } from '../../src/schema/remedy.js'

const traceback = ['Traceback (most recent call last):', '  File "train.py", line 3, in <module>']

test.each([
  [1, ['step 10', 'NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.'], 'device_error'],
  [1, [...traceback, 'RuntimeError: CUDA error: uncorrectable ECC error encountered'], 'device_error'],
  [1, ["{'loss': nan, 'epoch': 1.0}", 'ValueError: stopped'], 'diverged'],
  [1, ['loss=nan'], 'diverged'],
  [1, ['epoch 3 train_loss: nan val_loss: 0.3'], 'diverged'],
  [1, ['{"step": 7, "loss": NaN}'], 'diverged'],
  [1, ['step 10 | loss nan | lr 0.1', 'AssertionError'], 'diverged'],
  [1, ["loss: tensor(nan, device='cuda:0')"], 'diverged'],
  [1, ["RuntimeError: Function 'LogBackward0' returned nan values in its 0th output."], 'diverged'],
  [1, ['[rank0]: Watchdog caught collective operation timeout: WorkNCCL'], 'communication'],
  [1, [...traceback, "ModuleNotFoundError: No module named 'torch'"], 'missing_module'],
  [2, ["python3: can't open file '/w/none.py': [Errno 2] No such file or directory"], 'missing_file'],
  [1, [...traceback, "PermissionError: [Errno 13] Permission denied: '/data'"], 'forbidden'],
  [127, ['sh: 1: pyton: not found'], 'not_runnable'],
  [1, [...traceback, 'torch.distributed.elastic.ChildFailedError: train.py FAILED'], 'exception'],
])('exit code %i with %j is %s', (code, tail, cause) => {
  expect(diagnose(code, tail)?.cause).toBe(cause)
})

const refusal = [
  'step 10/60 loss 2.1',
  'finetune: data/train.jsonl has 2 errors',
  "  dataset.train line 182 completion: is empty, not ' '",
  '  dataset.train line 183: is no JSON: Unterminated string [invalid_data]',
  '',
]

test('a refusal of the recipe is told with the first thing that is wrong, and is final', () => {
  const found = diagnose(2, refusal)
  expect(found?.cause).toBe('refused')
  expect(isFinal(found)).toBe(true)
  expect(found?.line).toBe("data/train.jsonl has 2 errors: dataset.train line 182 completion: is empty, not ' '")
  const short = ['finetune: all 3 prompts of a.jsonl are longer than maxPromptLength [invalid_data]\r']
  expect(diagnose(2, short)?.line).toBe('all 3 prompts of a.jsonl are longer than maxPromptLength')
  expect(diagnose(2, ['finetune: the description is no JSON: x [invalid_spec]'])?.cause).toBe('refused')
})

test('what may be otherwise at the next attempt, or does not come from the recipe, is no refusal', () => {
  const hub = [
    'finetune: the model cannot be loaded',
    '  baseModel: is no model that can be loaded: offline [unavailable]',
  ]
  const others = ['usage: train.py [-h]', 'train.py: error: unrecognized arguments [invalid_data]']
  for (const [code, tail] of [
    [2, hub],
    [1, refusal],
    [2, others],
    [2, refusal.slice(0, 3)],
  ] as const) {
    expect(diagnose(code, tail)?.cause).not.toBe('refused')
    expect(isFinal(diagnose(code, tail))).toBe(false)
  }
})

test.each([
  [['loss: 0.31', 'nanometer model loaded']],
  [['best_val_loss: inf', 'Validation loss decreased (inf --> 0.69)', 'best loss: inf']],
  [['finished']],
  [[]],
])('nothing is read into %j', (tail) => expect(diagnose(1, tail)).toBeUndefined())

test('a hardware error explains all that follows it', () => {
  const tail = ['NVRM: Xid 48', 'loss: nan', 'RuntimeError: gave up']
  expect(verdictOf(diagnose(1, tail) as never)).toBe('a device reported a hardware error ("NVRM: Xid 48")')
})

test('a kill by the kernel names the limit that was reached, or the host without one', () => {
  const limit = { kills: 1, limitBytes: 512e6, peakBytes: 511e6 }
  expect(memoryVerdict(limit)).toBe(
    "Killed by the kernel: the job's memory limit of 512.0 MB was reached (peak 511.0 MB)",
  )
  expect(memoryVerdict({ ...limit, limitBytes: null, peakBytes: null })).toBe(
    "Killed by the kernel: the host's memory ran out",
  )
  expect(memoryVerdict({ ...limit, kills: 0 })).toBeUndefined()
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
