import type { Provider } from '../../providers/provider.js'
import { MINUTE, SECOND } from '../../schema/duration.js'
import { QianfanAccount } from './config.js'
import { QianfanOptions } from './options.js'
import { inQianfansWords } from './provider/finetune.js'
import { QianfanRemote } from './provider/remote.js'

/** Fine-tuning at Baidu Qianfan. It trains by its own recipe, and has no log lines to fetch (§2). */
export const qianfanProvider: Provider<QianfanOptions, QianfanAccount> = {
  name: 'qianfan',
  options: QianfanOptions,
  account: QianfanAccount,
  needsCommand: false,
  finetune: inQianfansWords,
  pollEvery: 30 * SECOND, // as the SDK polls (§5)
  requestsPerSecond: 1, // §12 #21; none is published
  settleWithin: 3 * MINUTE, // a request that timed out after 60 s may still arrive, and a list may lag
  // The name of a job is unique in the account, so a second job is refused; but a second task in it would be a second run.
  isRepeatable: false,
  connect: (account, tools) => new QianfanRemote(account, tools),
}
