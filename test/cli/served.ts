import { afterAll } from 'vitest'
import { startServer, type TestServer } from '../client/server.js'
import { type Anneal, buildAnneal } from './anneal.js'

/** A server, and the command that speaks to it with these variables, for all tests of a file; gone after the last. */
export async function servedAnneal(env: Record<string, string> = {}): Promise<{ anneal: Anneal; server: TestServer }> {
  const server = await startServer()
  afterAll(() => server.close())
  const anneal = await buildAnneal({ ANNEAL_URL: server.url, ANNEAL_TOKEN: server.token, ...env })
  afterAll(() => anneal.remove())
  return { anneal, server }
}
