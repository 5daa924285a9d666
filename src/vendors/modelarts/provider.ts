import type { Provider } from '../../providers/provider.js'
import { MINUTE, SECOND } from '../../schema/duration.js'
import { Account } from './config.js'
import { Connection } from './connection.js'
import { Options } from './options.js'
import { RemoteV1 } from './remote-v1.js'
import { RemoteV2 } from './remote-v2.js'

/** Huawei ModelArts, called by us in either dialect. */
export const modelartsProvider: Provider<Options, Account> = {
  name: 'modelarts',
  options: Options,
  account: Account,
  /** `config` and `algorithm` say what runs; the job's command is for a custom image that has none of its own. */
  needsCommand: false,
  finetune: 'ModelArts runs a boot file or container of your own; say it in providerOptions.modelarts, or take local',
  /** 10 to 30 s (reference §12); a public client looks every 20 s. */
  pollEvery: 20 * SECOND,
  /** Nothing is published; well below what a console does. */
  requestsPerSecond: 5,
  /** A job is listed at once; a minute covers a slow request that still arrives. */
  settleWithin: MINUTE,
  /** A name is taken only once per workspace: 0103 in v1 (documented sample), 2751 in v2 (reference §10, ValidateTrainingJobName). */
  isRepeatable: true,
  connect(account, tools) {
    const connection = new Connection(account, tools)
    return account.dialect === 'v1' ? new RemoteV1(account, connection) : new RemoteV2(account, connection)
  },
}
