import { Client, Connection } from '@temporalio/client'
import { NativeConnection } from '@temporalio/worker'
import { SECOND } from '../schema/duration.js'

const FIRST_CONNECT_WITHIN = 60 * SECOND

/** A client that connects when it is first used, so that a server may start, and take submits, while Temporal is away. */
export function connectClient(address: string, namespace: string): Client {
  return new Client({ connection: Connection.lazy({ address }), namespace })
}

/** The connection of a worker. Waits for a Temporal that is just starting; fails after a minute. */
export async function connectNative(address: string): Promise<NativeConnection> {
  const deadline = Date.now() + FIRST_CONNECT_WITHIN
  for (;;) {
    try {
      return await NativeConnection.connect({ address })
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}
