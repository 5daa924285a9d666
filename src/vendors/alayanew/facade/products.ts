import { z } from 'zod'
import type { HostView } from '../../../schema/view.js'
import { listHosts } from '../../../store/inventory.js'
import type { Aidc, GatewayConfig, Product } from '../config.js'
import { wireTime } from '../wire.js'
import { type Handler, query } from './call.js'

const Centre = z.object({ aidcId: z.coerce.number().int().min(1).optional() })
/** What stands for the data centre where the operator names none. */
const HERE: Aidc = { id: 1, code: 'anneal', name: 'Anneal', country: '', address: '', enabled: true, pool: undefined }

export const checkIsEnabled: Handler = async (call) => {
  const { aidcId } = query(call, Centre)
  const { aidcs } = call.deps.config
  if (aidcs.length === 0) return true
  const asked = aidcId === undefined ? aidcs[0] : aidcs.find(({ id }) => id === aidcId)
  return asked?.enabled ?? false
}

/** Products of the operator's file; the stock is what the pool could begin at this moment (reference §7). */
export const listProducts: Handler = async (call) => {
  const { aidcId: asked } = query(call, Centre)
  const { config, store } = call.deps
  const hosts = await listHosts(store.read)
  const aidcId = asked ?? config.aidcs[0]?.id ?? HERE.id
  return Object.entries(config.products)
    .filter(([, { aidcs }]) => aidcs?.includes(aidcId) ?? true)
    .map(([productCode, product]) => ({
      name: product.name,
      aidcId,
      productCode,
      cpuCores: String(product.cpuCores),
      memoryGB: String(product.memoryGB),
      gpuName: product.gpuName,
      gpuCount: String(product.gpus),
      diskGB: String(product.diskGB),
      price: String(product.price),
      priceUnit: product.priceUnit,
      remainingCount: stockOf(product, hosts, poolOf(config, aidcId)),
      ext: {},
    }))
}

/** In the older envelope, for the clients of the older API. */
export const listAidcs: Handler = async (call) => {
  const { aidcs } = call.deps.config
  return (aidcs.length > 0 ? aidcs : [HERE]).map(({ id, code, name, nameEn, country, address }) => ({
    id: String(id),
    code,
    name,
    nameEn: nameEn ?? name,
    country,
    address,
    endpoInt: '',
    onlineDate: '',
    createdTime: wireTime(0),
  }))
}

function poolOf({ aidcs, defaults }: GatewayConfig, aidcId: number): string {
  return aidcs.find(({ id }) => id === aidcId)?.pool ?? defaults.pool ?? 'default'
}

/** Workers that fit: each needs all its devices on one host. */
function stockOf({ gpus, gpuType }: Product, hosts: HostView[], pool: string): number {
  const fitting = hosts.filter((host) => host.pool === pool && host.connected && host.admission === 'open')
  return fitting.reduce((sum, { devices }) => {
    const free = devices.filter(
      (device) => device.state === 'ok' && device.heldBy === null && (!gpuType || device.model === gpuType),
    )
    return sum + Math.floor(free.length / Math.max(1, gpus))
  }, 0)
}
