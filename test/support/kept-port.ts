import { randomInt } from 'node:crypto'
import { freePort } from '../../src/temporal/free-port.js'

/** Below what the kernel gives to whoever asks for any port: 32768 and above, `net.ipv4.ip_local_port_range`. */
const [FROM, TO] = [20_000, 32_000]

/**
 * A free port for a server that is killed and comes back on it. One that the kernel has chosen would in between be given to the
 * next connection of anybody.
 */
export async function keptPort(tries = 50): Promise<number> {
  const port = randomInt(FROM, TO)
  try {
    return await freePort(port)
  } catch (error) {
    if (tries === 1) throw error
    return keptPort(tries - 1)
  }
}
