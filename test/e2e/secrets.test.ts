import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Anneal, build } from '../support/anneal.js'

const VALUE = 'hunter2-a-value-that-stands-nowhere'
let anneal: Anneal
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 1, env: { ANNEAL_SECRET_HF_TOKEN: VALUE } })
})
afterAll(() => anneal?.remove())

test('the value of a secret reaches the process and stands in no file of ours', async () => {
  const { id } = await anneal.submit({
    command: 'test "$HF_TOKEN" = "$EXPECTED" && echo same',
    env: { EXPECTED: 'x' },
    secrets: ['HF_TOKEN'],
  })
  expect((await anneal.ended(id)).outcome?.reason).toBe('process_failed')
  const long = await anneal.submit({ command: 'expr length "$HF_TOKEN"; sleep 1', secrets: ['HF_TOKEN'] })
  await anneal.running(long.id)
  expect(filesWith(anneal.home, VALUE)).toEqual([])
  await anneal.ended(long.id)
  expect(await anneal.log(long.id)).toBe(`${VALUE.length}\n`)
  expect(JSON.stringify([await anneal.show(long.id), await anneal.events(long.id)])).not.toContain(VALUE)
  expect(filesWith(anneal.home, VALUE)).toEqual([])
})

/** Every file below the home that holds the text: databases of ours and of Temporal, logs, run folders. */
function filesWith(home: string, text: string): string[] {
  return readdirSync(home, { recursive: true, encoding: 'utf8' })
    .map((name) => join(home, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() && readFileSync(path).includes(text))
}
