/** A request for devices, waiting in one pool. */
export interface Waiting {
  id: string
  devices: number
  gpuType: string | null
}

/** A device that nobody holds, on a host that is connected. */
export interface FreeDevice {
  id: string
  hostId: string
  model: string
}

export interface Grant {
  id: string
  hostId: string
  deviceIds: string[]
}

/**
 * Who gets which devices now. `waiting` stands in the order of the queue (priority, then first come); nobody passes the
 * head of the queue, so that a large request cannot be starved by small ones. All devices of a grant are on one host;
 * the host with the fewest free devices that still fits is taken, which keeps large blocks whole.
 */
export function allocate(waiting: readonly Waiting[], free: readonly FreeDevice[]): Grant[] {
  const left = new Map<string, FreeDevice[]>()
  for (const device of free) left.set(device.hostId, [...(left.get(device.hostId) ?? []), device])
  const grants: Grant[] = []
  for (const request of waiting) {
    const grant = place(request, left)
    if (!grant) break
    grants.push(grant)
    const taken = new Set(grant.deviceIds)
    left.set(
      grant.hostId,
      (left.get(grant.hostId) ?? []).filter((device) => !taken.has(device.id)),
    )
  }
  return grants
}

function place(request: Waiting, left: Map<string, FreeDevice[]>): Grant | undefined {
  let best: { hostId: string; fitting: FreeDevice[]; size: number } | undefined
  for (const [hostId, devices] of left) {
    const fitting = devices.filter((device) => !request.gpuType || matchesType(device.model, request.gpuType))
    if (fitting.length >= request.devices && (!best || devices.length < best.size)) {
      best = { hostId, fitting, size: devices.length }
    }
  }
  if (!best) return undefined
  return { id: request.id, hostId: best.hostId, deviceIds: best.fitting.slice(0, request.devices).map((d) => d.id) }
}

/** `H200` fits `NVIDIA H200 141GB`; case does not matter. */
export function matchesType(model: string, gpuType: string): boolean {
  return model.toLowerCase().includes(gpuType.toLowerCase())
}
