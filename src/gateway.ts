import type { Logger } from 'pino'
import { z } from 'zod'
import { closeGently } from './close-gently.js'
import { createGateway, type Gateway } from './gateway/app.js'
import { readSecret, readVendorFile, vendorFolder } from './gateway/config.js'
import { FACADES } from './gateway/registry.js'
import { listenFailure } from './listen-failure.js'
import { HOSTED } from './providers/index.js'
import type { Services } from './services.js'

export interface RunningGateway {
  url: string
  leave(): void
  /** Lets requests under way end for up to `within` milliseconds; 0 cuts them off. */
  close(within?: number): Promise<void>
}

/** Reads the files of all vendors, so that a mistake in one stops a start before anything else has begun. */
export function checkVendorFiles(home: string): void {
  for (const facade of FACADES) configOf(facade, home)
}

function configOf(facade: (typeof FACADES)[number], home: string): unknown {
  const account = HOSTED[facade.vendor]?.account ?? z.unknown()
  return readVendorFile(home, facade.vendor, { gateway: facade.config, account }).gateway
}

/** Serves the five vendors' clients, by the files under `vendors/` in the home. */
export async function startGateway(
  { store, logs }: Services,
  options: { home: string; host: string; port: number; isOpen: boolean; logger: Logger; env: NodeJS.ProcessEnv },
): Promise<RunningGateway> {
  const { home, host, port, isOpen, logger, env } = options
  const secret = (name: string) => readSecret(home, env, name)
  const served = FACADES.map((facade) => {
    const { vendor } = facade
    const gateway = configOf(facade, home)
    const folder = vendorFolder(home, vendor)
    return { facade, deps: { store, logs, logger, config: gateway, isOpen, secret, folder } }
  })
  const gateway: Gateway = await createGateway(served, logger)
  try {
    const url = await gateway.listen({ host, port })
    const close = async (within = 0) => {
      if (within > 0) await closeGently(gateway.app, within)
      await gateway.close()
    }
    return { url, close, leave: () => gateway.leave() }
  } catch (error) {
    await gateway.close()
    throw listenFailure(error, host, port, '--gateway-port')
  }
}
