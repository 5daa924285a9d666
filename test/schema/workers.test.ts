import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { severalWorkers } from '../../src/schema/workers.js'
import { isAlive, until } from '../support/anneal.js'

/** Runs the line as a host does: by /bin/sh, in a process group of its own. */
function start(line: string, env: Record<string, string> = {}): { child: ChildProcess; output: () => string } {
  const child = spawn('/bin/sh', ['-c', line], { detached: true, env: { ...process.env, ...env } })
  let output = ''
  child.stdout?.on('data', (data) => (output += data))
  child.stderr?.on('data', (data) => (output += data))
  return { child, output: () => output }
}

async function run(line: string, env: Record<string, string> = {}): Promise<{ code: number | null; lines: string[] }> {
  const { child, output } = start(line, env)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, lines: output().split('\n').filter(Boolean).sort() }
}

describe('several workers of one command', () => {
  test('one is the command itself', () => {
    expect(severalWorkers('python3 train.py', 1)).toBe('python3 train.py')
  })

  test('each gets its rank, the world, and one and the same address', async () => {
    const { code, lines } = await run(severalWorkers('echo "$NODE_RANK $WORLD_SIZE $MASTER_ADDR $MASTER_PORT"', 3))
    expect(code).toBe(0)
    expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      '0 3 127.0.0.1',
      '1 3 127.0.0.1',
      '2 3 127.0.0.1',
    ])
    const [port, ...others] = new Set(lines.map((line) => line.split(' ')[3]))
    expect(others).toEqual([])
    expect(Number(port)).toBeGreaterThanOrEqual(10_000)
    expect(Number(port)).toBeLessThan(30_000)
  })

  test('each gets its own part of the GPUs that the job holds', async () => {
    const { lines } = await run(severalWorkers('echo "$NODE_RANK:$CUDA_VISIBLE_DEVICES"', 2), {
      CUDA_VISIBLE_DEVICES: 'GPU-a,GPU-b,GPU-c,GPU-d',
    })
    expect(lines).toEqual(['0:GPU-a,GPU-b', '1:GPU-c,GPU-d'])
  })

  test('a command with every sign that a shell minds arrives as it is', async () => {
    const text = `it's "$HOME" \`x\` $(x) \\n ; & | *`
    const { lines } = await run(severalWorkers(`printf '%s\\n' '${text.replaceAll("'", `'\\''`)}'`, 2))
    expect(lines).toEqual([text, text])
  })

  test('the first that fails ends the others and gives the exit code', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anneal-workers-'))
    const fails = `until [ -e ${folder}/0 ] && [ -e ${folder}/2 ]; do sleep 0.02; done; exit 7`
    const waits = `trap 'echo told; exit 3' TERM; : >${folder}/$NODE_RANK; while :; do sleep 0.05; done`
    const { code, lines } = await run(severalWorkers(`if [ "$NODE_RANK" = 1 ]; then ${fails}; fi; ${waits}`, 3))
    rmSync(folder, { recursive: true })
    expect(code).toBe(7)
    expect(lines).toEqual(['told', 'told'])
  })

  test('one that a signal ends counts as failed', async () => {
    const { code } = await run(severalWorkers('[ "$NODE_RANK" = 0 ] && kill -9 $$; exec sleep 60', 2))
    expect(code).toBe(137)
  })

  test('one that ends well leaves the others running', async () => {
    const { code, lines } = await run(
      severalWorkers('[ "$NODE_RANK" = 0 ] && exit 0; sleep 0.2; echo "$NODE_RANK done"', 3),
    )
    expect(code).toBe(0)
    expect(lines).toEqual(['1 done', '2 done'])
  })

  test('a stop of the whole group reaches every worker once, and the launcher waits for what they save', async () => {
    const waits = 'n=0; while [ $n -lt 12 ]; do sleep 0.05; n=$((n + 1)); done'
    const line = `trap 'echo told; [ $NODE_RANK = 1 ] || exit 3' TERM; echo up; ${waits}; echo saved`
    const { child, output } = start(severalWorkers(line, 2))
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    await until('both to be up', () => output().split('up').length === 3)
    process.kill(-(child.pid as number), 'SIGTERM')
    expect(await ended).toBe(3)
    const lines = output()
      .split('\n')
      .filter((line) => /^[a-z]+$/.test(line)) // without what sh says of a sleep
    expect(lines.sort()).toEqual(['saved', 'told', 'told', 'up', 'up'])
    expect(isAlive(child.pid as number)).toBe(false)
  })
})
