import { build } from '../support/anneal.js'
import { startPostgres } from '../support/postgres.js'
import { freePort } from '../support/server-process.js'
import { startTemporal } from '../support/temporal.js'
import { severalProcesses } from './several-processes.js'

severalProcesses(async () => {
  build()
  const http = await freePort()
  const [postgres, temporal] = await Promise.all([
    startPostgres(),
    startTemporal({ args: ['--http-port', String(http)] }),
  ])
  return {
    postgresUrl: postgres.url,
    temporal: temporal.address,
    temporalHttp: `127.0.0.1:${http}`,
    async stop() {
      await temporal.stop()
      await postgres.stop()
    },
  }
})
