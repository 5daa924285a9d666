import { z } from 'zod'
import { parseSize } from './size.js'

/** How far the outputs of an attempt are; a job whose process wrote none has no such state. */
export const ARTIFACT_STATES = ['uploading', 'kept', 'failed'] as const
export type ArtifactState = (typeof ARTIFACT_STATES)[number]

/** Files of one attempt that are kept at most, so that a listing and its manifest stay within what one request carries. */
export const MAX_ARTIFACT_FILES = 100_000
/** The manifest of so many files: 150 bytes each and their paths, most of them far below their longest. */
export const MAX_MANIFEST_BYTES = 64 * 1024 ** 2
/** Folders in folders. */
export const MAX_ARTIFACT_DEPTH = 64
/** Bytes of UTF-8 in a path. An entry of an index of PostgreSQL has at most 2,700. */
const MAX_PATH_BYTES = 1024
/** Hashes that one question may ask for. */
export const MAX_HASHES = 1000
/** Entries of a listing in one answer. */
export const MAX_ENTRIES = 5000

const DEFAULT_MAX_BYTES = '100GB'

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in lower-case hex')

/** What is wrong with a path below a folder, in words; undefined for one that stays in it. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'is empty'
  if (path.includes('\0')) return 'has a NUL'
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return 'leads out of its folder'
  return undefined
}

/** A path below a folder, with `/` between its parts; it can never lead out. */
export const InnerPath = z.string().refine((path) => pathProblem(path) === undefined, {
  error: ({ input }) => `a path that ${pathProblem(String(input))}; expected one such as model/adapter.bin`,
})

/** One file of a manifest. Without a hash: it was found and not kept, and `note` says why. */
export const ManifestFile = z.object({
  path: InnerPath,
  size: z.int().min(0),
  sha256: Sha256.nullable(),
  /** Permission bits. */
  mode: z.int().min(0).max(0o7777),
  /** Epoch ms by the clock of its host. */
  mtime: z.number(),
  note: z.string().max(500).nullable(),
})
export type ManifestFile = z.infer<typeof ManifestFile>

/** Everything that one host found in the output folder of an attempt. */
export const Manifest = z.object({
  files: z.array(ManifestFile).max(2 * MAX_ARTIFACT_FILES),
  /** What of the whole folder was left out, in words. */
  cut: z.array(z.string().max(500)).max(16),
})
export type Manifest = z.infer<typeof Manifest>

/** One file of an input, as a host fetches it. */
export const InputFile = z.object({ path: z.string(), size: z.int(), sha256: Sha256, mode: z.int() })
export type InputFile = z.infer<typeof InputFile>
export const InputPage = z.object({
  /** The input is one file, whose path is empty. */
  isFile: z.boolean(),
  files: z.array(InputFile),
  /** Where the next page begins; null: this was the last. */
  next: z.string().nullable(),
})
export type InputPage = z.infer<typeof InputPage>

/** Bytes of outputs that an attempt may have kept. */
export function artifactMaxBytes(spec: { artifacts?: { maxBytes?: string | undefined } | undefined }): number {
  return parseSize(spec.artifacts?.maxBytes ?? DEFAULT_MAX_BYTES) as number
}
