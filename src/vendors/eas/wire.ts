import protobuf from 'protobufjs/minimal.js'

/** Names and encodings of the EAS queue service, both ways. Source of every one: reference eas-queue.md, the § named. */

/** Header names, §2. The client's own code has uid and gid in it; the one for the priority it learns from the attributes. */
export const HEADER = {
  user: 'X-EAS-QueueService-Redis-Uid',
  group: 'X-EAS-QueueService-Redis-Gid',
  priority: 'X-EAS-QueueService-Priority',
  requestId: 'X-Eas-Queueservice-Request-Id',
} as const

/** The group of a client that names none, §2. */
export const DEFAULT_GROUP = 'eas'
export const PROTOBUF = 'application/vnd.google.protobuf'
/** The tag of a word to the workers, §8.4. */
export const SYMBOL_TAG = '_is_symbol_'

/** Parameters that steer a call, §3; every other one is a tag. */
export const CONTROL = new Set([
  '_index_',
  '_length_',
  '_timeout_',
  '_raw_',
  '_auto_delete_',
  '_search_',
  '_count_',
  '_priority_',
  '_attrs_',
  '_watch_',
  '_window_',
  '_index_only_',
  '_auto_commit_',
  '_indexes_',
  '_negative_',
  '_trunc_',
  '_eos_',
  '_force_',
])

/** One entry on the wire, §4. Its index is unsigned and of 64 bits: what we give fits a number, what we are given may not. */
export interface Frame {
  index: number | bigint
  tags: Record<string, string>
  data: Uint8Array
}

type Writer = protobuf.Writer

/** A bare DataFrameProto, §4.1. */
export function encodeFrame(frame: Frame): Uint8Array {
  return writeFrame(protobuf.Writer.create(), frame).finish()
}

/** A DataFrameListProto, §4.1. */
export function encodeFrameList(frames: readonly Frame[]): Uint8Array {
  const writer = protobuf.Writer.create()
  for (const frame of frames) writeFrame(writer.uint32(tag(1, 2)).fork(), frame).ldelim()
  return writer.finish()
}

/** An AttributesProto, §4.1. */
export function encodeAttributes(attributes: Record<string, string>): Uint8Array {
  return writeMap(protobuf.Writer.create(), 1, attributes).finish()
}

/** The JSON codec of the Go SDK, §4.2. */
export function encodeFrameListJson(frames: readonly Frame[]): string {
  const list = frames.map(({ index, tags, data }) => {
    const rest = JSON.stringify({ tags, data: Buffer.from(data).toString('base64') })
    return `{"index":${index},${rest.slice(1)}`
  })
  return `[${list.join(',')}]`
}

/** Fails where the bytes are not protobuf; skips fields that it does not know. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = protobuf.Reader.create(bytes)
  return readFrame(reader, reader.len)
}

export function decodeFrameList(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  eachField(protobuf.Reader.create(bytes), (field, reader) => {
    if (field !== 1) return false
    const end = reader.uint32() + reader.pos
    frames.push(readFrame(reader, end))
    return true
  })
  return frames
}

export function decodeAttributes(bytes: Uint8Array): Record<string, string> {
  const attributes: [string, string][] = []
  eachField(protobuf.Reader.create(bytes), (field, reader) => {
    if (field !== 1) return false
    attributes.push(readPair(reader))
    return true
  })
  return Object.fromEntries(attributes)
}

/** Fails where the text is not such a list. */
export function decodeFrameListJson(text: string): Frame[] {
  // An index may exceed 2^53. No text inside of the JSON can look so, since its quotes are escaped.
  const exact = text.replace(/"index"\s*:\s*(\d+)/g, '"index":"$1"')
  const list = JSON.parse(exact) as { index: string; tags?: Record<string, string>; data?: string }[]
  return list.map(({ index, tags, data }) => ({
    index: BigInt(index),
    tags: tags ?? {},
    data: Buffer.from(data ?? '', 'base64'),
  }))
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType
}

function writeFrame(writer: Writer, { index, tags, data }: Frame): Writer {
  writeUint64(writer.uint32(tag(1, 0)), BigInt(index))
  writeMap(writer, 2, tags)
  if (data.length > 0) writer.uint32(tag(3, 2)).bytes(data)
  return writer
}

function writeMap(writer: Writer, field: number, map: Record<string, string>): Writer {
  for (const [key, value] of Object.entries(map)) {
    writer.uint32(tag(field, 2)).fork().uint32(tag(1, 2)).string(key).uint32(tag(2, 2)).string(value).ldelim()
  }
  return writer
}

function writeUint64(writer: Writer, value: bigint): Writer {
  return writer.uint64({
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: true,
  } as protobuf.Long)
}

function readFrame(reader: protobuf.Reader, end: number): Frame {
  const frame = { index: 0n, tags: {} as Record<string, string>, data: new Uint8Array() as Uint8Array }
  const tags: [string, string][] = []
  eachField(
    reader,
    (field) => {
      if (field === 1) frame.index = readUint64(reader)
      else if (field === 2) tags.push(readPair(reader))
      else if (field === 3) frame.data = reader.bytes()
      else return false
      return true
    },
    end,
  )
  return { ...frame, tags: Object.fromEntries(tags) }
}

function readPair(reader: protobuf.Reader): [string, string] {
  let key = ''
  let value = ''
  const end = reader.uint32() + reader.pos
  eachField(
    reader,
    (field) => {
      if (field === 1) key = reader.string()
      else if (field === 2) value = reader.string()
      else return false
      return true
    },
    end,
  )
  return [key, value]
}

function readUint64(reader: protobuf.Reader): bigint {
  const value = reader.uint64() as unknown
  return BigInt(String(value))
}

function eachField(
  reader: protobuf.Reader,
  take: (field: number, reader: protobuf.Reader) => boolean,
  end = reader.len,
): void {
  while (reader.pos < end) {
    const key = reader.uint32()
    if (!take(key >>> 3, reader)) reader.skipType(key & 7)
  }
}
