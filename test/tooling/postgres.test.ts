import { access } from 'node:fs/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { startPostgres } from '../support/postgres.js'

test('a real PostgreSQL gives databases of their own and leaves nothing behind', async () => {
  const postgres = await startPostgres()
  const [first, second] = [await postgres.createDatabase(), await postgres.createDatabase()]
  const client = new pg.Client({ connectionString: first })
  client.on('error', () => {})
  await client.connect()
  await client.query('create table job (id text primary key)')
  const folder: string = (await client.query('show data_directory')).rows[0].data_directory
  expect(await tablesIn(first)).toEqual(['job'])
  expect(await tablesIn(second)).toEqual([])

  await postgres.stop() // with a connection left open
  await expect(tablesIn(first)).rejects.toThrow(/ECONNREFUSED/)
  await expect(access(folder)).rejects.toThrow(/ENOENT/)
})

async function tablesIn(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query("select tablename from pg_tables where schemaname = 'public'")
  await client.end()
  return rows.map(({ tablename }) => tablename)
}
