import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Price } from '../../client/index.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'
import { localTime } from '../text.js'

const WHAT = 'pool:NAME for hosts of your own, or a provider such as qianfan'

/** `anneal price set|list|unset`: what a device-hour costs. */
export function define(command: Command): void {
  const set = command
    .command('set')
    .description('set what a device-hour costs; what was granted before keeps its price')
    .argument('<what>', WHAT, priced)
    .argument('<amount>', 'per device-hour, such as 2.50 or 2.50/h', amount)
    .option('--currency <currency>', 'three capitals', 'USD')
  withServer(set).action(async (what: Priced, amount: number, flags: ServerFlags & { currency: string }) =>
    show(flags, await connect(flags).setPrice({ ...what, amount, currency: flags.currency })),
  )
  withServer(command.command('list').description('list the prices that hold now')).action(async (flags: ServerFlags) =>
    show(flags, await connect(flags).listPrices()),
  )
  const unset = command.command('unset').description('have no price from now on').argument('<what>', WHAT, priced)
  withServer(unset).action(async (what: Priced, flags: ServerFlags) =>
    show(flags, await connect(flags).unsetPrice(what)),
  )
}

type Priced = Pick<Price, 'kind' | 'name'>

function priced(text: string): Priced {
  return text.startsWith('pool:')
    ? { kind: 'pool', name: text.slice('pool:'.length) }
    : { kind: 'provider', name: text }
}

function amount(text: string): number {
  if (!/^\d+(\.\d{1,6})?(\/h)?$/.test(text)) throw new InvalidArgumentError('Expected an amount such as 2.50 or 12/h.')
  return Number(text.replace('/h', ''))
}

function show({ json }: ServerFlags, prices: Price[]): void {
  if (json) printJson({ prices })
  else if (prices.length === 0) say('no prices; set one with: anneal price set pool:default 2.50')
  else print(page(prices))
}

function page(prices: Price[]): string {
  const rows = prices.map((p) => [
    p.kind === 'pool' ? `pool:${p.name}` : p.name,
    p.amount.toFixed(2),
    p.currency,
    localTime(p.since),
  ])
  return table([['WHAT', 'PER DEVICE-HOUR', 'CURRENCY', 'SINCE'], ...rows])
}
