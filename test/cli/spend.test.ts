import { beforeAll, expect, test } from 'vitest'
import { costText } from '../../src/cli/text.js'
import { HOUR, MINUTE } from '../../src/schema/duration.js'
import { createToken, ensureProject } from '../../src/store/tokens.js'
import { warnOfLimits } from '../../src/store/warnings.js'
import { connectHost, empty, exited, launchNow, report, started, submit } from '../support/jobs.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
/** The token of a user in another project, which has nothing. */
let stranger: Record<string, string>
beforeAll(async () => {
  await connectHost(server.store, 4)
  const { secret } = await server.store.transact(async (tx) => {
    await ensureProject(tx, 'other')
    return createToken(tx, { role: 'user', project: 'other' })
  })
  stranger = { ANNEAL_TOKEN: secret }
})

test('`quota set` refuses a submit over it, is listed with its use, and is taken away again', async () => {
  await submit(server.store, { name: 'one' })
  const set = await anneal.run(['quota', 'set', '--project', 'default', '--queued', '1', '--devices', '2'])
  expect(set.stdout).toMatch(/default +all +all +0 of 2 +- +1 of 1/)
  const refused = await anneal.run(['run', '--detach', '--no-workdir', '--name', 'two', '--', 'true'])
  expect(refused.code).toBe(73)
  expect(refused.stderr).toContain('project default has 1 of the 1 jobs that it may have open at once')
  expect(refused.stderr).toContain('next: Wait until some have ended')
  expect(JSON.parse((await anneal.run(['quota', 'list', '--json'])).stdout).quotas).toHaveLength(1)
  expect(JSON.parse((await anneal.run(['quota', 'list', '--json'], { env: stranger })).stdout).quotas).toEqual([])
  const forbidden = await anneal.run(['quota', 'unset', '--project', 'default'], { env: stranger })
  expect(forbidden.code).toBe(66)
  expect((await anneal.run(['quota', 'unset', '--project', 'default'])).stderr).toContain('no quotas')
  expect((await anneal.run(['quota', 'set', '--project', 'default'])).code).toBe(64)
  expect((await anneal.run(['quota', 'set', '--project', 'nobody', '--queued', '1'])).code).toBe(67)
})

test('`price set` is what later attempts cost: in `show`, in `cost` by tag, as CSV, and for nobody of another project', async () => {
  expect((await anneal.run(['price', 'set', 'pool:default', '2.5', '--currency', 'EUR'])).stdout).toMatch(
    /pool:default +2\.50 +EUR/,
  )
  expect((await anneal.run(['price', 'set', 'qianfan', '12.00/h'])).stdout).toMatch(/qianfan +12\.00 +USD/)
  expect((await anneal.run(['price', 'set', 'qianfan', 'much'])).code).toBe(64)
  expect((await anneal.run(['price', 'set', 'nobody', '1'])).code).toBe(67)
  expect((await anneal.run(['price', 'set', 'qianfan', '1'], { env: stranger })).code).toBe(66)
  const tags = { team: 'vision, "east"' }
  const { id } = await submit(server.store, { name: 'dear', tags, resources: { gpus: 2 } })
  const attempt = await launchNow(server.store, id)
  await report(server.store, attempt, started, exited(0), empty)
  const held = { granted_at: (attempt.granted_at as number) - 2 * HOUR, empty_at: attempt.granted_at }
  await server.store.transact(async (tx) => {
    await tx.q.updateTable('attempts').set(held).where('job_id', '=', id).execute()
    await tx.q.updateTable('prices').set({ since: 0 }).where('name', '=', 'default').execute()
  })
  const cost = JSON.parse((await anneal.run(['show', 'dear', '--json'])).stdout).cost[0]
  expect((await anneal.run(['show', 'dear'])).stdout).toMatch(/\ncost {8}10\.00 EUR for 4\.00 device-hours\n/)
  const query = ['cost', '--by', 'tag:team', '--since', '2020-01-01']
  const rows = JSON.parse((await anneal.run([...query, '--json'])).stdout).rows
  expect(rows).toMatchObject([{ key: tags.team, currency: 'EUR', amount: 10, deviceHours: 4 }])
  expect((await anneal.run([...query, '--csv'])).stdout).toMatch(
    /^tag:team,currency,amount,device_hours,.*\n"vision, ""east""",EUR,/,
  )
  expect((await anneal.run(query, { env: stranger })).stderr).toContain('nothing has been spent')
  expect((await anneal.run(['cost', '--by', 'colour'])).code).toBe(64)
  expect((await anneal.run(['cost', '--since', 'yesterday'])).code).toBe(64)
  await anneal.run(['price', 'unset', 'pool:default'])
  const free = await submit(server.store, { name: 'free' })
  await launchNow(server.store, free.id)
  expect((await anneal.run(['show', 'free'])).stdout, 'nothing worth a line yet').not.toMatch(/\ncost /)
  const unpriced = { amount: null, currency: null, deviceHours: 4, lostAmount: null, open: 0 }
  expect(costText({ ...cost, ...unpriced })).toBe('4.00 device-hours, no price set')
})

test('`show`, `wait` and `logs -f` tell that 80 % of a limit have passed, and how to get more time', async () => {
  const { id } = await submit(server.store, { name: 'late', timeouts: { run: '1h' } })
  const attempt = await launchNow(server.store, id)
  await report(server.store, attempt, started)
  const waiting = anneal.start(['wait', id])
  const following = anneal.start(['logs', '-f', id])
  const text = /80 % of the run limit has passed; 9 min \d\d s left; anneal extend \S+ --run 1h/
  const now = Date.now()
  await server.store.transact((tx) =>
    tx.q
      .updateTable('attempts')
      .set({ run_deadline: now + 10 * MINUTE - 1, run_warn_at: now })
      .where('job_id', '=', id)
      .execute(),
  )
  await warnOfLimits(server.store)
  expect((await anneal.run(['show', id])).stdout).toMatch(text)
  await waitFor(() => text.test(waiting.stderr()) && text.test(following.stderr()))
  for (const running of [waiting, following]) {
    running.child.kill('SIGINT')
    await running.ended
  }
})

async function waitFor(look: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!look()) {
    if (Date.now() > deadline) throw new Error('waited 20 s in vain for the warning')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
