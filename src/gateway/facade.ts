import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { Vendor } from '../schema/vendors.js'
import type { LogStore } from '../store/log-store.js'
import type { Store } from '../store/store.js'

/** What a facade stands on. */
export interface FacadeDeps<Config> {
  store: Store
  logs: LogStore
  logger: Logger
  /** The `gateway` part of the vendor's file, checked and with its defaults. */
  config: Config
  /** `--gateway-open`: nobody is asked for credentials, and everybody works in the project `default`. */
  isOpen: boolean
  /** The value of a secret; fails with `invalid_request` where it is missing. */
  secret(name: string): string
  /** The folder of this vendor under the home, for files of its own; who writes there makes it. A home may be read-only. */
  folder: string
}

/** One vendor's API, served by us: its paths, its authentication, its envelope, its errors. */
export interface Facade<Config = never> {
  vendor: Vendor
  /** What the `gateway` part of `vendors/<name>.yaml` may say. An empty one must do. */
  config: z.ZodType<Config>
  /** Whether a path (without its query) is this vendor's, also where it has no route there. */
  owns(path: string): boolean
  /** Adds its routes to a scope of its own. A body arrives as the bytes that were sent (`bodyOf`), so that signatures hold. */
  routes(app: FastifyInstance, deps: FacadeDeps<Config>): void | Promise<void>
  /** Answers what went wrong outside of its own routes (no such route, body too large, not HTTP) in the vendor's shape. */
  refuse(reply: FastifyReply, problem: { status: number; message: string }): FastifyReply
  /** What it does beside answering, from the start of the gateway until the promise that the result gives. */
  start?(deps: FacadeDeps<Config>): () => Promise<void>
}

/** The bytes of a request's body; none where there was none. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
}
