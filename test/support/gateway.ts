import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createGateway, type Gateway } from '../../src/gateway/app.js'
import type { Facade } from '../../src/gateway/facade.js'
import { LogFiles } from '../../src/store/log-files.js'
import type { LogStore } from '../../src/store/log-store.js'
import type { Store } from '../../src/store/store.js'
import { ensureProject } from '../../src/store/tokens.js'
import { connectHost } from './jobs.js'
import { newSqliteStore } from './stores.js'

/** One facade on a real port over a real store, without Temporal and without a host: what its jobs do, the test says. */
export interface TestGateway {
  gateway: Gateway
  url: string
  store: Store
  logs: LogStore
  folder: string
  close(): Promise<void>
}

/** `config` is the `gateway` part of the vendor's file as its operator would write it. */
export async function startTestGateway<Config>(
  facade: Facade<Config>,
  options: { config?: unknown; isOpen?: boolean; secrets?: Record<string, string>; devices?: number } = {},
): Promise<TestGateway> {
  const { store, drop } = await newSqliteStore()
  const folder = mkdtempSync(join(tmpdir(), 'anneal-gateway-'))
  const logs = new LogFiles(join(folder, 'logs'))
  await store.transact((tx) => ensureProject(tx, 'default'))
  if (options.devices) await connectHost(store, options.devices)
  const logger = pino({ level: 'silent' })
  const deps = {
    store,
    logs,
    logger,
    config: facade.config.parse(options.config ?? {}),
    isOpen: options.isOpen ?? false,
    folder: join(folder, facade.vendor),
    secret(name: string) {
      const value = options.secrets?.[name]
      if (value === undefined) throw new Error(`no secret ${name}`)
      return value
    },
  }
  const gateway = await createGateway([{ facade: facade as Facade<unknown>, deps }], logger)
  const url = await gateway.listen({ host: '127.0.0.1', port: 0 })
  return {
    gateway,
    url,
    store,
    logs,
    folder,
    async close() {
      await gateway.close()
      await logs.close()
      await drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
