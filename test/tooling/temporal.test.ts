import { Client, Connection } from '@temporalio/client'
import { expect, test } from 'vitest'
import { startTemporal } from '../support/temporal.js'

test('a real Temporal server keeps what it knows over a kill, on the same address', async () => {
  const temporal = await startTemporal()
  try {
    await startWorkflow(temporal.address, 'kept')
    await temporal.kill()
    await expect(Connection.connect({ address: temporal.address, connectTimeout: 300 })).rejects.toThrow()

    await temporal.restart()
    expect(await statusOf(temporal.address, 'kept')).toBe('RUNNING')
  } finally {
    await temporal.stop()
  }
})

async function startWorkflow(address: string, workflowId: string): Promise<void> {
  await withClient(address, (client) => client.workflow.start('nobodyRunsThis', { workflowId, taskQueue: 'none' }))
}

async function statusOf(address: string, workflowId: string): Promise<string> {
  return withClient(address, async (client) => (await client.workflow.getHandle(workflowId).describe()).status.name)
}

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address })
  try {
    return await use(new Client({ connection }))
  } finally {
    await connection.close()
  }
}
