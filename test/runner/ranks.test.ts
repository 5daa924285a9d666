import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { awaitsRendezvous, freePort } from '../../src/runner/rendezvous.js'
import type { Assignment } from '../../src/schema/agent.js'
import { assignment, cleanUp, ended, LEVELS, lives, newMachine, started, until } from './host-under-test.js'

const MEET = { address: 'zero.example', port: 12345 }

describe.each(LEVELS)('two ranks of one attempt, on two hosts that are one machine, contained by %s', (containment) => {
  it('wait to be told where they meet, have streams of their own, and end one without the other', async () => {
    const [zero, one] = [await newMachine({ containment }), await newMachine({ containment })]
    const text = 'echo "$NODE_RANK of $WORLD_SIZE at $MASTER_ADDR:$MASTER_PORT"; exec sleep 1000'
    const first = assignment(text, { rank: 0, nodes: 2, rendezvous: null })
    const second: Assignment = { ...first, rank: 1 }
    zero.server.want(first)
    one.server.want(second)
    const accepted = await until('rank 0 is accepted', () => zero.server.fact(first, 'accepted'))
    expect(accepted.port).toBeGreaterThanOrEqual(10_000)
    await until('rank 1 is accepted', () => one.server.fact(second, 'accepted'))
    expect(one.server.fact(second, 'accepted')).not.toHaveProperty('port')
    expect([zero.server.types(first), one.server.types(second)]).toEqual([['accepted'], ['accepted']])

    zero.server.want({ ...first, rendezvous: MEET })
    one.server.want({ ...second, rendezvous: MEET })
    await started(zero.server, first)
    const { pid } = await started(one.server, second)
    const said = (rank: number) => `${rank} of 2 at zero.example:12345\n`
    await until('the log of rank 0', () => zero.server.log(first).toString() === said(0))
    await until('the log of rank 1', () => one.server.log(second, '1').toString() === said(1))

    zero.server.stop({ ...first, rendezvous: MEET })
    expect(await ended(zero.server, first)).toMatchObject({ signalled: true })
    expect(lives(pid)).toBe(true)
    one.server.stop({ ...second, rendezvous: MEET })
    await ended(one.server, second)
    expect(lives(pid)).toBe(false)
  })
})

it('one of several ranks that stalls says when it moves again', async () => {
  const { server, home } = await newMachine()
  const mark = join(home, 'go-on')
  const text = `while [ ! -e ${mark} ]; do sleep 0.05; done; while :; do echo x; sleep 0.1; done`
  const job = assignment(text, { rank: 1, nodes: 2, rendezvous: MEET, stallMs: 500 })
  server.want(job)
  await until('it stalls', () => server.fact(job, 'stalled'))
  writeFileSync(mark, '')
  await until('it moves', () => server.fact(job, 'moving'))
  expect(server.types(job)).toEqual(['accepted', 'started', 'stalled', 'moving'])
  server.stop(job)
  await ended(server, job)
})

it('a port that somebody listens on is not picked for the ranks to meet', async () => {
  const server = createServer()
  cleanUp(() => server.close())
  const wanted = freePort(() => 0.5)
  await new Promise<void>((resolve) => server.listen(wanted, resolve))
  expect(freePort(() => 0.5)).not.toBe(wanted)
})

it('an attempt on one host waits for nobody', () => {
  expect(awaitsRendezvous(assignment('true'))).toBe(false)
  expect(awaitsRendezvous(assignment('true', { rank: 1, nodes: 2, rendezvous: null }))).toBe(true)
})
