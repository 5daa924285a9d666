import { createHash } from 'node:crypto'
import { appendFile, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, PATH, Shipping, WARN } from './shipping.js'
import type { Trouble } from './stub-server.js'

describe('a shipper of logs in trouble', () => {
  let shipping: Shipping
  beforeEach(async () => {
    shipping = await Shipping.begin()
  })
  afterEach(() => shipping.cleanUp())

  test('stores once what was stored though the answer was lost', async () => {
    await writeFile(shipping.file, 'once only')
    shipping.server.trouble = ({ method }) => (method === 'PUT' && putsSeen() === 1 ? 'break_after' : undefined)
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('once only')
  })

  test('makes the stream final once though the answer to that was lost', async () => {
    await writeFile(shipping.file, 'x')
    shipping.server.trouble = ({ final }, index) => (final && index < 3 ? 'break_after' : undefined)
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.isFinal).toBe(true)
  })

  test.each<Trouble>([
    'break_before',
    { status: 500 },
    { status: 503 },
    { status: 507, code: 'disk_full' },
    { status: 404 },
  ])('loses nothing to %j, tries again, and says so once', async (trouble) => {
    await writeFile(shipping.file, 'all of it')
    shipping.server.trouble = (_, index) => (index < 4 ? trouble : undefined)
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('all of it')
    expect(shipping.logged.filter(({ level }) => level === WARN)).toHaveLength(1)
  })

  test('waits longer and longer while the server answers but takes no bytes, and says so once', async () => {
    await writeFile(shipping.file, 'no room')
    const puts: number[] = []
    shipping.server.trouble = ({ method }) => {
      if (method === 'PUT') puts.push(Date.now())
      return method === 'PUT' && puts.length < 7 ? { status: 507, code: 'disk_full' } : undefined
    }
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('no room')
    expect(shipping.logged.filter(({ level }) => level === WARN)).toHaveLength(1)
    expect((puts[6] ?? 0) - (puts[5] ?? 0)).toBeGreaterThan(500) // at least half of 50 ms doubled five times
  })

  test('gives up on a server that never answers, and tries again', async () => {
    await writeFile(shipping.file, 'patience')
    shipping.server.trouble = (_, index) => (index === 1 ? 'silence' : undefined)
    expect(await shipping.shipper({ silenceLimitMs: 100 }).finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('patience')
  })

  test('goes on from the end that the server names', async () => {
    await writeFile(shipping.file, 'abcdefgh')
    const stream = shipping.server.stream(PATH)
    shipping.server.trouble = ({ method }) => {
      if (method === 'PUT' && stream.bytes.length === 0) stream.bytes = Buffer.from('abc') // by another shipper meanwhile
      return undefined
    }
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('abcdefgh')
    expect(shipping.logged.filter(({ level }) => level >= WARN)).toEqual([])
  })

  test('sends again what a server has lost that it had confirmed', async () => {
    await writeFile(shipping.file, 'abcdefgh')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('abcdefgh'))
    shipping.server.stream(PATH).bytes = Buffer.from('ab') // a power cut before the stream was final
    await appendFile(shipping.file, 'ij')
    expect(await shipper.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('abcdefghij')
  })

  test('goes on when a server that was away is back, at once when it is told', async () => {
    await shipping.server.stop()
    await writeFile(shipping.file, 'written meanwhile')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.logged).toHaveLength(1))
    await shipping.server.start()
    shipper.serverIsBack()
    await eventually(() => expect(shipping.stored.toString()).toBe('written meanwhile'))
    const said = ['log cannot be delivered, trying again', 'log is delivered again']
    await eventually(() => expect(shipping.logged.map(({ msg }) => msg)).toEqual(said))
  })

  test('brings back what a server has lost of a stream that is quiet, when it is told', async () => {
    await writeFile(shipping.file, 'abcdefgh')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('abcdefgh'))
    shipping.server.stream(PATH).bytes = Buffer.from('ab')
    shipper.serverIsBack()
    await eventually(() => expect(shipping.stored.toString()).toBe('abcdefgh'))
  })

  test('takes no notice of a connection that the server closed while it was idle', async () => {
    await writeFile(shipping.file, 'line 0\n')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('line 0\n'))
    for (let line = 1; line < 10; line += 1) {
      shipping.server.closeIdle()
      await appendFile(shipping.file, `line ${line}\n`)
      await eventually(() => expect(shipping.stored.toString().endsWith(`line ${line}\n`)).toBe(true))
    }
    expect(shipping.logged).toEqual([])
  })

  test('takes no notice of a connection that the server closes just as it is used again', async () => {
    await writeFile(shipping.file, 'line 0\n')
    shipping.server.trouble = (_, index) => (index === 1 || index === 4 ? 'break_before' : undefined)
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('line 0\n'))
    await appendFile(shipping.file, 'line 1\n')
    expect(await shipper.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('line 0\nline 1\n')
    expect(shipping.logged).toEqual([])
  })

  test('stops when another attempt or host owns the stream', async () => {
    await writeFile(shipping.file, 'mine')
    const shipper = shipping.shipper({ fence: 7 })
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('mine'))
    shipping.server.fence = 8
    await appendFile(shipping.file, ' no longer')
    await eventually(() => expect(shipping.logged).toHaveLength(1))
    const requests = shipping.server.seen.length
    await appendFile(shipping.file, ' and never again')
    expect(await shipper.finish()).toBe('fenced')
    expect(shipping.server.seen).toHaveLength(requests)
    expect(shipping.stored.toString()).toBe('mine')
  })

  test('is fenced also before it has sent anything, and when only the end is left to tell', async () => {
    await writeFile(shipping.file, 'x')
    const late = shipping.shipper({ fence: 7 })
    late.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('x'))
    shipping.server.fence = 8
    expect(await late.finish()).toBe('fenced')
    expect(await shipping.shipper({ fence: 7 }).finish()).toBe('fenced')
    expect(shipping.isFinal).toBe(false)
  })

  test('confirms what others have made final, though there is more', async () => {
    await writeFile(shipping.file, 'closed')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('closed'))
    shipping.server.stream(PATH).final = true
    await appendFile(shipping.file, ' over')
    expect(await shipper.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('closed')
  })

  test('stores the file byte for byte whatever goes wrong, also when shippers die and others go on', async () => {
    const trouble = fc.constantFrom<Trouble[]>(
      undefined,
      undefined,
      undefined,
      'break_before',
      'break_after',
      { status: 500 },
      { status: 507 },
      { delayMs: 3 },
    )
    const act = fc.oneof(
      { weight: 6, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 40_000 }) }) },
      { weight: 1, arbitrary: fc.constant('replace' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
      { weight: 1, arbitrary: fc.constant('power_cut' as const) },
      { weight: 2, arbitrary: fc.constant('breathe' as const) },
    )
    const story = fc.record({
      troubles: fc.array(trouble, { maxLength: 20 }),
      acts: fc.array(act, { minLength: 1, maxLength: 25 }),
    })
    let run = 0
    const property = fc.asyncProperty(story, async ({ troubles, acts }) => {
      run += 1
      await playStory(String(run), troubles, acts)
    })
    await fc.assert(property, { numRuns: 30 })
  })

  type Act = { write: number } | 'replace' | 'restart' | 'power_cut' | 'breathe'

  async function playStory(stream: string, troubles: Trouble[], acts: Act[]): Promise<void> {
    const { server } = shipping
    const file = `${shipping.file}.${stream}`
    const stored = server.stream(PATH.replace(/0$/, stream))
    let written = Buffer.alloc(0)
    const left = [...troubles]
    server.trouble = () => left.shift()
    let shipper = shipping.shipper({ file, stream })
    shipper.start()
    const hurry = setInterval(() => shipper.serverIsBack(), 20)
    for (const act of acts) {
      if (typeof act === 'object') {
        const bytes = noise(act.write, written.length)
        written = Buffer.concat([written, bytes])
        await appendFile(file, bytes)
      } else if (act === 'replace') {
        shipper.close()
        shipper = shipping.shipper({ file, stream })
        shipper.start()
      } else if (act === 'restart') {
        await server.stop()
        await server.start()
      } else if (act === 'power_cut') {
        stored.bytes = stored.bytes.subarray(0, stored.bytes.length >> 1)
      } else {
        const { length } = server.seen
        await eventually(() => expect(server.seen.length > length || stored.bytes.length === written.length).toBe(true))
      }
      // At every moment what is stored is a beginning of what was written.
      expect(Buffer.compare(stored.bytes, written.subarray(0, stored.bytes.length))).toBe(0)
    }
    expect(await shipper.finish()).toBe('confirmed')
    clearInterval(hurry)
    expect(stored.final).toBe(true)
    expect(Buffer.compare(stored.bytes, written)).toBe(0)
  }

  function putsSeen(): number {
    return shipping.server.seen.filter(({ method }) => method === 'PUT').length
  }
})

/** Bytes that tell every place from every other. */
function noise(length: number, seed: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < length; at += 32) parts.push(createHash('sha256').update(`${seed}:${at}`).digest())
  return Buffer.concat(parts).subarray(0, length)
}
