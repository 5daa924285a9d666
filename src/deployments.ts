import { join } from 'node:path'
import { z } from 'zod'
import type { Deployments } from './api/services.js'
import { readVendorFile } from './gateway/config.js'
import type { Services } from './services.js'
import { EasGateway } from './vendors/eas/config-gateway.js'
import { createDeployments } from './vendors/eas/facade/deployments.js'

/** What the API needs to deploy services, by `vendors/eas.yaml`. Their address is that of the gateway. */
export function easDeployments({ store }: Services, options: { home: string; gateway: () => string }): Deployments {
  const { home, gateway } = options
  const { gateway: config } = readVendorFile(home, 'eas', { gateway: EasGateway, account: z.unknown() })
  const endpoint = () => gateway().replace(/^http:\/\//, '')
  return createDeployments({ store, config, endpoint, secrets: join(home, 'host', 'secrets') })
}
