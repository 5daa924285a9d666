import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { ArtifactView } from '../../src/schema/view.js'
import { Anneal, build, processesOf, until } from '../support/anneal.js'

/** Server and agent are one process here, so each of these ends both. */
let anneal: Anneal
beforeAll(() => {
  build()
  build('--crash-points')
})
afterEach(() => anneal?.remove())

const MAKE = 'cd $ANNEAL_OUTPUT_DIR; for i in 1 2 3 4 5 6; do echo "number $i" > $i; done; echo ran >> ../ran'
const TAKE = { command: 'cat $ANNEAL_INPUT_DIR/made/*; echo ran', inputs: { made: { job: 'maker' } } }
const LOG = '123456'.replace(/./g, 'number $&\n')

test.each([
  ['artifact.uploaded', 'with one file of six at the server'],
  ['artifact.uploaded:4', 'with four files of six at the server'],
  ['artifact.kept', 'with the manifest committed and the host not told'],
  ['artifact.fetched', 'with the inputs of the next job on its host'],
  ['server.facts-empty', 'with the end committed and nothing uploaded'],
  ['agent.empty-written', 'with the end known to the host alone'],
])('dying at %s, %s, loses no output and runs nothing twice', async (point) => {
  anneal = await Anneal.start({ devices: 1, crashAt: point })
  const leftovers = point === 'agent.empty-written' ? 'sleep 300 & ' : ''
  const maker = await anneal.submit({ name: 'maker', command: `${leftovers}${MAKE}`, timeouts: { grace: '1s' } })
  const taker = await anneal.submit(TAKE).catch(() => undefined)
  await until(`it to die at ${point}`, () => anneal.hasEnded(), 30_000)
  await anneal.up({ devices: 1 })
  const { id } = taker ?? (await anneal.submit(TAKE))
  expect((await anneal.ended(id, 60_000)).outcome?.reason).toBe('completed')
  expect(await anneal.log(id)).toBe(`${LOG}ran\n`)

  const made = await anneal.show(maker.id)
  expect(made).toMatchObject({ state: 'ended', artifactsState: 'kept', outcome: { reason: 'completed' } })
  expect(made.attempts).toHaveLength(1)
  const { json } = await anneal.request('GET', `/api/v1/jobs/${maker.id}/artifacts`)
  const { entries, files } = json as ArtifactView
  expect({ paths: entries.map(({ path }) => path), files }).toEqual({ paths: ['1', '2', '3', '4', '5', '6'], files: 6 })
  const said = (await anneal.events(maker.id)).filter(({ type }) => type === 'artifacts_kept')
  expect(said).toHaveLength(1)
  // What was under way when it died lies in `incoming` for a day; see store/blobs.
  expect(blobs()).toEqual(entries.map(({ sha256 }) => sha256).sort())
  expect(processesOf(anneal.home)).toEqual([])
})

function blobs(): string[] {
  const names = readdirSync(join(anneal.home, 'blobs'), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => /^[0-9a-f]{2}\/[0-9a-f]{64}$/.test(name))
    .map((name) => name.slice(3))
    .sort()
}
