import { build } from '../support/anneal.js'
import { startPostgres } from '../support/postgres.js'
import { startTemporal } from '../support/temporal.js'
import { rollingRestarts } from './rolling.js'

rollingRestarts(async () => {
  build()
  const [postgres, temporal] = await Promise.all([startPostgres(), startTemporal()])
  return {
    postgresUrl: await postgres.createDatabase(),
    temporal: temporal.address,
    restartPostgres: () => postgres.restart(),
    async stop() {
      await temporal.stop()
      await postgres.stop()
    },
  }
}, true)
