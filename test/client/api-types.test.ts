import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createApp, type Deps } from '../../src/api/app.js'

const HEADER = `/*
 * Types of the native API, made from its OpenAPI document. Not to be edited; to make it anew:
 * npx vitest run test/client/api-types.test.ts -u
 */

`

test('the types of the client are those of the OpenAPI document that the server gives', async () => {
  const types = await openapiTS(await document(), { defaultNonNullable: false, alphabetize: true })
  await expect(HEADER + astToString(types)).toMatchFileSnapshot('../../src/client/api.d.ts')
})

/** The document needs no store: nothing is asked of it before a request comes. */
async function document(): Promise<OpenAPI3> {
  const store = { onChange: () => () => {} } as unknown as Deps['store']
  const nothing = {} as never
  const logger = pino({ level: 'silent' })
  const app = await createApp({
    store,
    logs: nothing,
    blobs: nothing,
    deployments: nothing,
    logger,
    version: '0',
    temporalAnswers: () => true,
  })
  await app.ready()
  const document = app.swagger() as unknown as OpenAPI3
  await app.close()
  return withoutUnused(document)
}

/** The library describes each schema as input and as output; what no route refers to is left out. */
function withoutUnused(document: OpenAPI3): OpenAPI3 {
  const schemas = document.components?.schemas ?? {}
  const reachable = new Set<string>()
  const visit = (text: string) => {
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || reachable.has(name)) continue
      reachable.add(name)
      visit(JSON.stringify(schemas[name]))
    }
  }
  visit(JSON.stringify(document.paths))
  for (const name of Object.keys(schemas)) if (!reachable.has(name)) delete schemas[name]
  return document
}
