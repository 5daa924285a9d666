import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Anneal, build, until } from '../../support/anneal.js'
import { QueueClient, type Watched } from './client.js'

const COUNT = 2_000

let anneal: Anneal
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ gatewayOpen: true })
})
afterAll(() => anneal.remove())

test('kill -9 between 2,000 puts and their watcher loses none, keeps the order, and each is committed once', async () => {
  const url = `${anneal.gatewayUrl}/api/predict/crash`
  const indexOf = new Map<string, number>()
  const unanswered = new Set<string>()
  const seen: { text: string; index: number }[] = []
  const isDone = async () =>
    indexOf.size === COUNT && (await new QueueClient(url).length().catch(() => undefined)) === 0

  /** Puts every text until it is answered; one whose answer was lost may have been stored, and is put again under its name. */
  const producer = async () => {
    const client = new QueueClient(url, { uid: 'producer' })
    for (let i = 0; i < COUNT; i += 1) {
      const text = String(i)
      while (!indexOf.has(text)) {
        try {
          indexOf.set(text, (await client.put(text)).index)
        } catch {
          unanswered.add(text)
          await pause(50)
        }
      }
    }
  }
  /** One consumer, always of the same name, that comes back for as long as it is not done. */
  const consumer = async () => {
    const client = new QueueClient(url, { uid: 'consumer' })
    while (!(await isDone())) {
      const watch: Watched | undefined = await client.watch({ _window_: 100 }).catch(() => undefined)
      for (let at = 0; watch && (at < watch.frames.length || !watch.closedWith); ) {
        const frames = watch.frames.slice(at)
        at += frames.length
        seen.push(...frames.map(({ index, data }) => ({ index: Number(index), text: Buffer.from(data).toString() })))
        if (frames.length > 0) await client.commit(...frames.map(({ index }) => index)).catch(() => 0)
        else if (await isDone()) break
        await pause(20) // so that a commit has several entries, as a consumer's would
      }
      watch?.drop()
      await pause(20)
    }
  }
  const killer = async () => {
    await until('a third to be put', () => indexOf.size > COUNT / 3, 120_000)
    await anneal.killAll()
    await anneal.up({ gatewayOpen: true })
  }
  await Promise.all([producer(), consumer(), killer()])

  const firstSeen = [...new Map(seen.map(({ index, text }) => [index, text]))]
  const texts = firstSeen.map(([, text]) => text)
  expect(new Set(texts).size).toBe(COUNT)
  expect(firstSeen.every(([index, text]) => unanswered.has(text) || indexOf.get(text) === index)).toBe(true)
  // Answered once: there once, in the order of the puts. Only what was put twice, since its answer was lost, may be there twice.
  expect(texts.filter((text, i) => text !== texts[i - 1])).toEqual(Array.from({ length: COUNT }, (_, i) => String(i)))
  expect(texts.length - COUNT).toBeLessThanOrEqual(unanswered.size)
  const firsts = [...new Set(seen.map(({ index }) => index))]
  expect(firsts).toEqual([...firsts].sort((a, b) => a - b))
  // What came again came because its commit was not answered: at most a window.
  expect(seen.length - texts.length).toBeLessThanOrEqual(200)
}, 280_000)
