import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, describe as group, it } from 'vitest'
import { BLOCK, digestOf, WHOLE_UP_TO } from '../../src/runner/checkpoint-digest.js'
import { damageOf, describe, readManifest, writeManifest } from '../../src/runner/checkpoint-manifest.js'
import { lastWhole } from '../../src/runner/checkpoint-resume.js'
import { scan } from '../../src/runner/checkpoint-scan.js'
import { SURVEY_BOUNDS, survey } from '../../src/runner/checkpoint-survey.js'
import { Checkpoints, type Way } from '../../src/runner/checkpoints.js'
import { MetricsFile } from '../../src/runner/metrics-file.js'
import { newHome } from './host-under-test.js'

group('the last whole checkpoint', () => {
  it('is the newest that was committed and is still as its manifest says', async () => {
    const { checkpoints, commit } = await newCheckpoints()
    await commit('a')
    await commit('b')
    expect(await lastWhole(checkpoints)).toEqual({
      resume: { path: join(checkpoints.folder, 'b'), committedAt: expect.any(Number), verified: true },
      passedOver: [],
    })
  })

  it('is the one before where the newest is torn, which is named with what is wrong', async () => {
    const { checkpoints, commit } = await newCheckpoints()
    for (const name of ['a', 'b', 'c', 'd', 'e']) await commit(name, { 'model.bin': 'x'.repeat(4_000_000), other: 'y' })
    truncateSync(file(checkpoints, 'e/model.bin'), 1_200_000)
    rmSync(file(checkpoints, 'd/other'))
    writeFileSync(file(checkpoints, 'c/other'), 'z')
    rmSync(file(checkpoints, 'b'), { recursive: true })
    const found = await lastWhole(checkpoints)
    expect(found.resume?.path).toBe(join(checkpoints.folder, 'a'))
    expect(found.passedOver).toEqual([
      { path: join(checkpoints.folder, 'e'), problem: 'model.bin has 1.2 of 4 MB' },
      { path: join(checkpoints.folder, 'd'), problem: 'other is missing' },
      { path: join(checkpoints.folder, 'c'), problem: 'other has other bytes than when it was committed' },
    ])
    expect((await lastWhole(await reread(checkpoints))).passedOver).toEqual([])
  })

  it('is taken at the word of its process where there is no manifest yet, a quiet one only when it is unchanged', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { w: '1' })
    const { changedAt } = (await survey(file(checkpoints, 'a'))) ?? {}
    await checkpoints.commit({ path: 'a', by: 'quiet', jobId: 'j', attempt: 1, changedAt })
    expect((await lastWhole(checkpoints)).resume).toMatchObject({ path: file(checkpoints, 'a'), verified: false })
    appendFileSync(file(checkpoints, 'a/w'), '2')
    const after = await lastWhole(await reread(checkpoints))
    expect(after).toMatchObject({ resume: null, passedOver: [{ problem: 'it was changed after it had come to rest' }] })
    add('b', { w: '1' })
    await checkpoints.commit({ path: 'b', by: 'declared', jobId: 'j', attempt: 1 })
    expect((await lastWhole(checkpoints)).resume).toMatchObject({ path: file(checkpoints, 'b'), verified: false })
  })

  it('is judged by the manifest of its last commit, when it was written anew under its name', async () => {
    const { checkpoints, commit, add } = await newCheckpoints()
    await commit('last.pt')
    add('last.pt', { w: 'longer than before' })
    await checkpoints.commit({ path: 'last.pt', by: 'declared', jobId: 'j', attempt: 1 })
    expect((await lastWhole(checkpoints)).resume).toMatchObject({ verified: false })
    expect((await lastWhole(checkpoints)).passedOver).toEqual([])
  })

  it('is found in an index of an earlier agent, and after a line that was torn', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { w: '' })
    writeFileSync(`${checkpoints.folder}.jsonl`, `${JSON.stringify(file(checkpoints, 'a'))}\n{"path":"b","at`)
    const again = await reread(checkpoints)
    expect((await lastWhole(again)).resume).toMatchObject({ path: file(checkpoints, 'a'), committedAt: null })
    add('c', { w: '' })
    await again.commit({ path: 'c', by: 'declared', jobId: 'j', attempt: 1 })
    expect((await reread(checkpoints)).commits.map(({ path }) => path)).toEqual(['c', 'a'])
  })

  it('is none in an empty folder, and in none at all', async () => {
    expect(await lastWhole(await new Checkpoints('/no/such/folder').load())).toEqual({ resume: null, passedOver: [] })
  })
})

group('what nobody declares', () => {
  const restful = () => true

  it('counts by its `.complete`, and then nothing else does', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { '.complete': '' })
    add('half', { w: '' })
    expect(await scan(checkpoints, restful)).toMatchObject([{ path: 'a', by: 'complete' }])
    await checkpoints.commit({ path: 'a', by: 'complete', jobId: 'j', attempt: 1, changedAt: Date.now() + 1_000 })
    expect(await scan(checkpoints, restful)).toEqual([])
  })

  it('counts by its rest: the newest, unless its name looks unfinished', async () => {
    const { checkpoints, add } = await newCheckpoints()
    for (const name of ['step-9', 'step-10', 'x.tmp', 'y.part', 'z.partial', '.hidden']) {
      add(name, { w: name })
      await delay(10)
    }
    symlinkSync('step-9', file(checkpoints, 'latest'))
    expect(await scan(checkpoints, restful)).toMatchObject([{ path: 'step-10', by: 'quiet' }])
    expect(await scan(checkpoints, (name) => name !== 'step-10')).toMatchObject([{ path: 'step-9' }])
    expect(await scan(checkpoints, (_name, _found, isFollowed) => isFollowed)).toMatchObject([{ path: 'step-10' }])
  })

  it('never counts beside what is declared', async () => {
    const { checkpoints, add, commit } = await newCheckpoints()
    await commit('a')
    add('b', { '.complete': '' })
    expect(await scan(checkpoints, restful)).toEqual([])
  })

  it('is not looked for among ten thousand files', async () => {
    const { checkpoints } = await newCheckpoints()
    for (let i = 0; i <= 10_000; i++) writeFileSync(file(checkpoints, `rubbish-${i}`), '')
    expect(await scan(checkpoints, restful)).toEqual([])
  })
})

group('pruning', () => {
  const all = async () => true
  const none = async () => false

  it('keeps as many whole ones as asked for, never fewer than two, and what was not committed', async () => {
    const { checkpoints, add, commit } = await newCheckpoints()
    for (const name of ['a', 'b', 'c', 'd']) await commit(name)
    add('other', { w: '' })
    expect(await checkpoints.prune(3, all)).toEqual(['a'])
    expect(await checkpoints.prune(1, all)).toEqual(['b'])
    expect(readdirSync(checkpoints.folder).sort()).toEqual(['c', 'd', 'other'])
    expect(readdirSync(`${checkpoints.folder}.manifests`).sort()).toEqual(['c.json', 'd.json'])
  })

  it('does not count a damaged one, and never removes the last that was verified', async () => {
    const { checkpoints, commit } = await newCheckpoints()
    for (const name of ['a', 'b', 'c', 'd']) await commit(name)
    await checkpoints.markDamaged('d', 'torn')
    await checkpoints.prune(2, all)
    expect(readdirSync(checkpoints.folder).sort()).toEqual(['b', 'c', 'd'])
    const others = await newCheckpoints()
    for (const name of ['a', 'b', 'c', 'd']) await others.commit(name)
    await others.checkpoints.prune(2, async ({ path }) => path === 'a')
    expect(readdirSync(others.checkpoints.folder).sort()).toEqual(['a', 'c', 'd'])
  })

  it('never touches a checkpoint that lies elsewhere', async () => {
    const { checkpoints, commit } = await newCheckpoints()
    const elsewhere = join(newHome(), 'mine')
    writeFileSync(elsewhere, '')
    const path = (await checkpoints.nameOf(elsewhere)) as string
    await checkpoints.commit({ path, by: 'declared', jobId: 'j', attempt: 1 })
    for (const name of ['a', 'b', 'c']) await commit(name)
    await checkpoints.prune(2, none)
    expect(existsSync(elsewhere)).toBe(true)
    expect(readdirSync(checkpoints.folder).sort()).toEqual(['b', 'c'])
  })

  it('an index of thousands of commits is written anew with what still counts', async () => {
    const { checkpoints, commit } = await newCheckpoints()
    const line = { path: 'gone', by: 'quiet', jobId: 'j', attempt: 1 }
    const lines = Array.from({ length: 3_000 }, (_, i) => `${JSON.stringify({ ...line, at: i + 1 })}\n`)
    writeFileSync(`${checkpoints.folder}.jsonl`, lines.join(''))
    await checkpoints.load()
    for (const name of ['a', 'b', 'c']) await commit(name)
    await checkpoints.prune(2, all)
    expect(readFileSync(`${checkpoints.folder}.jsonl`, 'utf8').split('\n').length).toBeLessThan(1_100)
    expect((await reread(checkpoints)).commits.map(({ path }) => path)).toEqual(['c', 'b'])
  })
})

group('a manifest', () => {
  it('has every file with its size and SHA-256, in folders of folders, under any name', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { 'x\ny "z"': 'one', 'deep/er/w': 'two' })
    const manifest = await describe(file(checkpoints, 'a'), { path: 'a', at: 7 })
    expect(manifest).toMatchObject({
      version: 1,
      path: 'a',
      committedAt: 7,
      files: 2,
      bytes: 6,
      sampled: false,
      notes: [],
    })
    expect(manifest?.listed.toSorted((a, b) => b.path.localeCompare(a.path))).toEqual([
      { path: 'x\ny "z"', size: 3, sha256: sha256sum(file(checkpoints, 'a/x\ny "z"')) },
      { path: 'deep/er/w', size: 3, sha256: sha256sum(file(checkpoints, 'a/deep/er/w')) },
    ])
  })

  it('takes blocks of a large file, says so, and still sees a change of head, tail or size', async () => {
    const path = join(newHome(), 'large')
    execFileSync('truncate', ['-s', String(WHOLE_UP_TO + 5 * BLOCK), path])
    const manifest = await describe(path, { path: 'large', at: 1 })
    expect(manifest).toMatchObject({ sampled: true, sampling: expect.stringContaining('16 blocks of 1048576 bytes') })
    if (!manifest) throw new Error('no manifest')
    expect(await damageOf(path, manifest)).toBeUndefined()
    writeAt(path, 10, 'x')
    expect(await damageOf(path, manifest)).toBe('it has other bytes than when it was committed')
    writeAt(path, 10, '\0')
    expect(await damageOf(path, manifest)).toBeUndefined()
    writeAt(path, WHOLE_UP_TO + 5 * BLOCK - 1, 'x')
    expect(await damageOf(path, manifest)).toBe('it has other bytes than when it was committed')
    truncateSync(path, WHOLE_UP_TO)
    expect(await damageOf(path, manifest)).toBe('it has 67.1 of 72.4 MB')
  })

  it('follows no link, waits for no pipe, and says what it leaves out', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { w: '1' })
    symlinkSync('/etc', file(checkpoints, 'a/out'))
    symlinkSync('a', file(checkpoints, 'a/self'))
    execFileSync('mkfifo', [file(checkpoints, 'a/pipe')])
    const deep = file(checkpoints, `a/${Array.from({ length: 40 }, () => 'd').join('/')}`)
    mkdirSync(deep, { recursive: true })
    const manifest = await describe(file(checkpoints, 'a'), { path: 'a', at: 1 })
    expect(manifest?.listed.map(({ path }) => path).sort()).toEqual(['self', 'w'])
    expect(manifest?.notes).toEqual([
      '1 folders below the 32th level are not covered',
      '1 sockets, pipes or devices are not covered',
      '1 links that lead out of it are not covered',
    ])
    if (!manifest) throw new Error('no manifest')
    rmSync(file(checkpoints, 'a/self'))
    expect(await damageOf(file(checkpoints, 'a'), manifest)).toBe('self is missing')
    rmSync(file(checkpoints, 'a/w'))
    execFileSync('mkfifo', [file(checkpoints, 'a/w')])
    expect(await damageOf(file(checkpoints, 'a'), manifest)).toMatch(/^(self is missing|w is no file any more)$/)
  })

  it('goes by sizes once its time is up, and says so', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { one: '1', two: '22' })
    const manifest = await describe(file(checkpoints, 'a'), { path: 'a', at: 1 }, { readFor: -1 })
    expect(manifest?.notes).toEqual(['2 files go by their sizes alone'])
    if (!manifest) throw new Error('no manifest')
    expect(await damageOf(file(checkpoints, 'a'), manifest)).toBeUndefined()
    writeFileSync(file(checkpoints, 'a/two'), '2')
    expect(await damageOf(file(checkpoints, 'a'), manifest)).toBe('two has 1 of 2 bytes')
  })

  it('is not made of a checkpoint that does not come to rest', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { w: '1'.repeat(30_000_000) })
    const writing = setInterval(() => appendFileSync(file(checkpoints, 'a/w'), 'x'), 1)
    expect(await describe(file(checkpoints, 'a'), { path: 'a', at: 1 })).toBeUndefined()
    clearInterval(writing)
    expect(await describe(file(checkpoints, 'a'), { path: 'a', at: 1 })).toBeDefined()
  })

  it('is read back as it was written, and a torn or foreign one counts as none', async () => {
    const { checkpoints, add } = await newCheckpoints()
    add('a', { w: '1' })
    const manifest = await describe(file(checkpoints, 'a'), { path: 'a', at: 1 })
    if (!manifest) throw new Error('no manifest')
    const path = checkpoints.manifestOf({ path: 'a' })
    await writeManifest(path, manifest)
    expect(await readManifest(path)).toEqual(manifest)
    truncateSync(path, 20)
    expect(await readManifest(path)).toBeUndefined()
    expect(checkpoints.manifestOf({ path: '../../etc/passwd' })).toMatch(/\.manifests\/sha256-[0-9a-f]{64}\.json$/)
  })
})

it('a checkpoint of 100,000 files is covered within bounds, and everything else gets its turns meanwhile', async () => {
  const { checkpoints } = await newCheckpoints()
  const many = file(checkpoints, 'many')
  mkdirSync(many)
  for (let i = 0; i < 100_000; i++) writeFileSync(join(many, `f${i}`), '')
  let turns = 0
  const others = setInterval(() => (turns += 1), 1)
  const manifest = await describe(many, { path: 'many', at: 1 })
  clearInterval(others)
  expect(manifest).toMatchObject({ files: 100_000, bytes: 0 })
  expect(manifest?.listed).toHaveLength(SURVEY_BOUNDS.listed)
  expect(manifest?.notes).toContainEqual('of 100000 files the first 10000 are listed, the others only counted')
  // One turn for every hundred files at least: nothing here holds the others up for long.
  expect(turns).toBeGreaterThan(1_000)
}, 120_000)

it('reading a large file leaves turns to everything else', async () => {
  const path = join(newHome(), 'file')
  execFileSync('truncate', ['-s', '60M', path])
  let turns = 0
  const count = () => {
    turns += 1
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  await digestOf(path)
  clearImmediate(next)
  expect(turns).toBeGreaterThan(200) // 240 pieces
})

it('a metrics file is followed over torn, odd and endless lines', () => {
  const path = join(newHome(), 'metrics.jsonl')
  const metrics = new MetricsFile(path)
  expect(metrics.read()).toEqual([])
  writeFileSync(path, '{"loss": 1}\n{"phase":"sav')
  expect(metrics.read()).toEqual([])
  writeFileSync(path, 'ing"}\n[1,2,"phase"]\n{"checkpoint": 5}\nnull "phase"\n{"checkpoint":"a"}\n', { flag: 'a' })
  expect(metrics.read()).toEqual([{ phase: 'saving' }, {}, {}, { checkpoint: 'a' }])
  writeFileSync(path, `{"x":"${'y'.repeat(3_000_000)}\n{"checkpoint":"b"}\n`, { flag: 'a' })
  expect(metrics.read()).toEqual([{ checkpoint: 'b' }])
})

type Files = Record<string, string>

async function newCheckpoints() {
  const folder = join(newHome(), 'checkpoints')
  mkdirSync(folder)
  const checkpoints = await new Checkpoints(folder).load()
  function add(name: string, files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true })
      writeFileSync(join(folder, name, path), content)
    }
  }
  /** Added, committed and described. */
  async function commit(name: string, files: Files = { w: name }, by: Way = 'declared') {
    add(name, files)
    const made = await checkpoints.commit({ path: name, by, jobId: 'j', attempt: 1 })
    const manifest = await describe(join(folder, name), made)
    if (!manifest) throw new Error(`${name} could not be described`)
    await writeManifest(checkpoints.manifestOf(made), manifest)
  }
  return { checkpoints, add, commit }
}

function file({ folder }: Checkpoints, path: string): string {
  return join(folder, path)
}

function reread({ folder }: Checkpoints): Promise<Checkpoints> {
  return new Checkpoints(folder).load()
}

function sha256sum(path: string): string {
  return execFileSync('sha256sum', { input: readFileSync(path), encoding: 'utf8' }).slice(0, 64)
}

function writeAt(path: string, offset: number, text: string): void {
  execFileSync('dd', [`of=${path}`, 'bs=1', `seek=${offset}`, 'conv=notrunc', 'status=none'], { input: text })
}
