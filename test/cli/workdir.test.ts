import { execFileSync } from 'node:child_process'
import { chmod, link, mkdir, mkdtemp, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { list as listTar, type ReadEntry } from 'tar'
import { beforeEach, expect, test } from 'vitest'
import { createClient, type Job } from '../../src/client/index.js'
import { until } from './anneal.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anneal-work-'))
  return () => rm(folder, { recursive: true, force: true })
})

test('`run --` packs the folder where we are, with its files, links and executable bits', async () => {
  await put('train.py', 'print(1)')
  await put('lib/deep/a.txt', 'a')
  await put('tool.sh', '#!/bin/sh\n', 0o755)
  await symlink('lib/deep', join(folder, 'latest'))
  await mkdir(join(folder, 'empty'))
  const job = await runDetached(['--', 'python', 'train.py'])
  expect(job).toMatchObject({ name: 'train', spec: { command: ['python', 'train.py'] } })
  const entries = await entriesOf(job)
  expect(entries.map(({ path, type, linkpath }) => `${path} ${type} ${linkpath ?? ''}`.trim())).toEqual([
    'empty/ Directory',
    'latest SymbolicLink lib/deep',
    'lib/ Directory',
    'lib/deep/ Directory',
    'lib/deep/a.txt File',
    'tool.sh File',
    'train.py File',
  ])
  expect(entries.map(({ mode }) => ((mode ?? 0) & 0o111) !== 0)).toEqual([true, true, true, true, false, true, false])
})

test('the same contents give the same archive, whenever, wherever and by whomever they were written', async () => {
  const archives = []
  for (const place of ['one', 'two/three']) {
    await put(`${place}/b.txt`, 'b')
    await put(`${place}/a/c.txt`, 'c')
    await link(join(folder, place, 'b.txt'), join(folder, place, 'same-file.txt'))
    const cwd = join(folder, place)
    archives.push((await runDetached(['--', 'true'], cwd)).spec.workdir?.blob)
    await utimes(join(folder, place, 'b.txt'), 1, 1)
    await chmod(join(folder, place, 'b.txt'), 0o600)
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', '65534:65534', cwd])
    archives.push((await runDetached(['--', 'true'], cwd)).spec.workdir?.blob)
  }
  expect(new Set(archives).size).toBe(1)
  const { entries } = await blobOf(archives[0] as string)
  expect(entries.map(({ type }) => type)).not.toContain('Link')
  expect(entries.every(({ uid, uname, mtime }) => !uid && !uname && !mtime?.getTime())).toBe(true)
})

test('what .annealignore names is left out, and .git always', async () => {
  await put('.annealignore', '*.ckpt\n/data/\n!keep.ckpt\n# a comment\n')
  for (const path of [
    'a.ckpt',
    'keep.ckpt',
    'sub/b.ckpt',
    'data/big.bin',
    'sub/data/small.bin',
    '.git/HEAD',
    'sub/.git/HEAD',
  ]) {
    await put(path, 'x')
  }
  const paths = (await entriesOf(await runDetached(['--', 'true']))).map(({ path }) => path)
  expect(paths).toEqual(['.annealignore', 'keep.ckpt', 'sub/', 'sub/data/', 'sub/data/small.bin'])
})

test('what .gitignore names is left out and told, and .annealignore has the last word', async () => {
  await put('.gitignore', '/node_modules/\n*.log\ndata/\n# no\n')
  await put('.annealignore', '!data/\n*.tmp\n!needed\n')
  await put('sub/.gitignore', 'out\n/top.txt\n!kept.log\nneeded\n')
  const packed = ['data/big.bin', 'sub/deep/top.txt', 'sub/kept.log', 'sub/needed', 'train.py']
  const left = ['node_modules/a/b.js', 'a.log', 'sub/b.log', 'sub/deep/out/x', 'sub/top.txt', 'x.tmp', 'sub/y.tmp']
  for (const path of [...packed, ...left]) await put(path, 'x')
  const { stderr, paths } = await packedPaths(folder)
  expect(paths.filter((path) => !path.endsWith('/'))).toEqual(
    ['.annealignore', '.gitignore', 'sub/.gitignore', ...packed].sort(),
  )
  expect(stderr).toContain(
    'as .gitignore says: a.log, node_modules/, sub/b.log, sub/deep/out/, sub/top.txt; what is needed',
  )
})

test('in a clone the rules of the folders around the workdir hold, elsewhere they do not', async () => {
  await put('clone/.git/HEAD', '')
  await put('clone/.gitignore', 'cache/\n/jobs/out/\n/other/\n/jobs/digits/made/\n')
  for (const path of ['a.py', 'cache/x', 'made/x', 'out/x', 'other/x']) {
    await put(`clone/jobs/digits/${path}`, 'x')
    await put(`plain/jobs/digits/${path}`, 'x')
  }
  await put('plain/.gitignore', 'cache/\n')
  const files = async (place: string) =>
    (await packedPaths(join(folder, place))).paths.filter((path) => !path.endsWith('/'))
  expect(await files('clone/jobs/digits')).toEqual(['a.py', 'other/x', 'out/x'])
  expect(await files('plain/jobs/digits')).toHaveLength(5)
})

test('a path in a file is relative to the file, a flag to where we are, and without either nothing is packed', async () => {
  await put('jobs/job.yaml', 'name: in-file\ncommand: "true"\nworkdir: ../code\n')
  await put('jobs/plain.yaml', 'name: plain\ncommand: "true"\n')
  await put('code/from-file.txt', '')
  await put('here/code/from-flag.txt', '')
  const cwd = join(folder, 'here')
  const inFile = await submitJson(['../jobs/job.yaml'], cwd)
  const byFlag = await submitJson(['../jobs/job.yaml', '--workdir', 'code'], cwd)
  expect((await entriesOf(inFile)).map(({ path }) => path)).toEqual(['from-file.txt'])
  expect((await entriesOf(byFlag)).map(({ path }) => path)).toEqual(['from-flag.txt'])
  expect((await submitJson(['../jobs/plain.yaml'], cwd)).spec.workdir).toBeUndefined()
  expect((await submitJson(['../jobs/job.yaml', '--no-workdir'], cwd)).spec.workdir).toBeUndefined()
  expect((await runDetached(['--no-workdir', '--', 'true'], cwd)).spec.workdir).toBeUndefined()
})

test.each([
  ['../elsewhere', 'a link out of the folder'],
  ['/etc/passwd', 'an absolute link'],
  ['sub/../../elsewhere', 'a link that leaves on its way'],
])('a link to %s is refused with its name: %s', async (target) => {
  await put('work/train.py', '')
  await put('elsewhere/secret', '')
  await mkdir(join(folder, 'work/sub'))
  await symlink(target, join(folder, 'work/sub/leak'))
  await symlink(target, join(folder, 'work/leak'))
  const { code, stderr } = await anneal.run(['run', '-d', '--', 'true'], { cwd: join(folder, 'work') })
  expect(stderr).toContain(`error: The link leak leads to ${target}, which lies outside of the workdir`)
  expect(stderr).toContain('\nnext: ')
  expect(code).toBe(64)
})

test('an absolute link into the folder itself is refused, since the folder is another one on the host', async () => {
  await put('work/data.txt', '')
  await symlink(join(folder, 'work/data.txt'), join(folder, 'work/here'))
  const { code, stderr } = await anneal.run(['run', '-d', '--', 'true'], { cwd: join(folder, 'work') })
  expect(stderr).toContain(`error: The link here leads to ${folder}/work/data.txt`)
  expect(code).toBe(64)
})

test('a link that looks harmless and leads out through another link is refused', async () => {
  await mkdir(join(folder, 'work/a/b'), { recursive: true })
  await put('secret', '')
  await symlink('../..', join(folder, 'work/a/b/top'))
  await symlink('top/../secret', join(folder, 'work/a/b/z'))
  const { code, stderr } = await anneal.run(['run', '-d', '--', 'true'], { cwd: join(folder, 'work') })
  expect(stderr).toContain('The link a/b/z leads to top/../secret')
  expect(code).toBe(64)
})

test('a link that leads nowhere is kept, since the job may make what it leads to', async () => {
  await symlink('output/latest', join(folder, 'latest'))
  expect((await entriesOf(await runDetached(['--', 'true']))).map(({ linkpath }) => linkpath)).toEqual([
    'output/latest',
  ])
})

test('a folder that does not exist, and a file in place of it, are refused by name', async () => {
  await put('job.yaml', 'name: x\ncommand: "true"\nworkdir: missing\n')
  const missing = await anneal.run(['submit', join(folder, 'job.yaml')])
  expect(missing.stderr).toContain(`error: The workdir ${folder}/missing does not exist\nnext: `)
  expect(missing.code).toBe(64)
  const file = await anneal.run(['submit', join(folder, 'job.yaml'), '--workdir', join(folder, 'job.yaml')])
  expect(file.stderr).toContain(`error: The workdir ${folder}/job.yaml is no folder`)
})

test('more than four gigabytes are refused before anything is packed', async () => {
  await put('data.bin', '')
  await truncate(join(folder, 'data.bin'), 4 * 1024 ** 3 + 1)
  const { code, stderr } = await anneal.run(['run', '-d', '--', 'true'], { cwd: folder })
  expect(stderr).toContain(`error: The workdir ${folder} has more than 4.3 GB`)
  expect(stderr).toContain(join(folder, '.annealignore'))
  expect(code).toBe(65)
})

test('a pipe among the files is left out and said', async () => {
  await put('a.txt', '')
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const { stderr, stdout } = await anneal.run(['run', '-d', '--json', '--', 'true'], { cwd: folder })
  expect(stderr).toContain('left out of the workdir, since it is no file: pipe')
  expect((await entriesOf(JSON.parse(stdout) as Job)).map(({ path }) => path)).toEqual(['a.txt'])
})

test('what the server has is not sent again, and nothing is left behind here', async () => {
  await put('a.txt', 'only once')
  const temporary = await mkdtemp(join(tmpdir(), 'anneal-tmp-'))
  const env = { TMPDIR: temporary }
  const { stdout } = await anneal.run(['run', '-d', '--json', '--', 'true'], { cwd: folder, env })
  const job = JSON.parse(stdout) as Job
  // A token that may not write would be refused if it sent the blob, and is refused for the job only after that.
  const again = await anneal.run(['run', '-d', '--', 'true'], {
    cwd: folder,
    env: { ...env, ANNEAL_TOKEN: await server.newToken('viewer') },
  })
  expect(again.code).toBe(66)
  expect(await server.blobs.has(job.spec.workdir?.blob as string)).toBe(true)
  expect(await readdir(temporary)).toEqual([])
  await rm(temporary, { recursive: true })
})

test('what is large is told with its largest parts, and what takes longer than a second; Ctrl-C leaves nothing behind', async () => {
  await put('data.bin', '')
  await truncate(join(folder, 'data.bin'), 4_000_000_000)
  const temporary = await mkdtemp(join(tmpdir(), 'anneal-tmp-'))
  const packing = anneal.start(['run', '--', 'true'], { cwd: folder, env: { TMPDIR: temporary } })
  await until(() => packing.stderr().includes('packing'), packing.stderr)
  packing.child.kill('SIGINT')
  const { code, stderr } = await packing.ended
  expect(stderr).toMatch(/^the workdir .* has 4\.0 GB, .*; most of it: data\.bin 4\.0 GB; .*\npacking .* of 4\.0 GB\n$/)
  expect(code).toBe(130)
  expect(await readdir(temporary)).toEqual([])
  await rm(temporary, { recursive: true })
})

test('a workdir of many megabytes arrives whole', async () => {
  const bytes = Buffer.alloc(30_000_000, 'all of it')
  await writeFile(join(folder, 'data.bin'), bytes)
  const { raw } = await blobOf((await runDetached(['--', 'true'])).spec.workdir?.blob as string)
  expect(raw.includes(bytes.subarray(0, 1000))).toBe(true)
  expect(raw.length).toBeGreaterThan(30_000_000)
})

async function put(path: string, text: string, mode = 0o644): Promise<void> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text, { mode })
}

async function runDetached(args: string[], cwd = folder): Promise<Job> {
  const { stdout, stderr } = await anneal.run(['run', '--detach', '--json', ...args], { cwd })
  expect(stdout, stderr).not.toBe('')
  return JSON.parse(stdout) as Job
}

async function packedPaths(cwd: string): Promise<{ stderr: string; paths: string[] }> {
  const { stdout, stderr } = await anneal.run(['run', '--detach', '--json', '--', 'true'], { cwd })
  expect(stdout, stderr).not.toBe('')
  return { stderr, paths: (await entriesOf(JSON.parse(stdout) as Job)).map(({ path }) => path) }
}

async function submitJson(args: string[], cwd: string): Promise<Job> {
  const { stdout, stderr } = await anneal.run(['submit', '--json', ...args], { cwd })
  expect(stdout, stderr).not.toBe('')
  return createClient(server).showJob((JSON.parse(stdout) as Job).id)
}

async function entriesOf(job: Job): Promise<ReadEntry[]> {
  return (await blobOf(job.spec.workdir?.blob as string)).entries
}

async function blobOf(sha256: string): Promise<{ raw: Buffer; entries: ReadEntry[] }> {
  const blob = await server.blobs.get(sha256)
  if (!blob) throw new Error(`the server has no blob ${sha256}`)
  const raw = await buffer(blob.stream)
  const file = join(folder, '..', `${sha256}.tar`)
  await writeFile(file, raw)
  const entries: ReadEntry[] = []
  await listTar({ file, onReadEntry: (entry) => void entries.push(entry) })
  await rm(file)
  return { raw, entries }
}
