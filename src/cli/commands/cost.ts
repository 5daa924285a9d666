import type { Command } from 'commander'
import type { Cost } from '../../client/index.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { plain, print, printJson, say, table } from '../output.js'

interface Flags extends ServerFlags {
  by: string
  since?: string
  until?: string
  limit: number
  csv?: boolean
}

/** `anneal cost --by user`: what has been spent, summed by somebody or something. */
export function define(command: Command): void {
  command
    .option('--by <what>', 'user, project, pool, provider, job, or tag:NAME', 'project')
    .option('--since <time>', 'count from then on, such as 2026-11-01 (UTC)')
    .option('--until <time>', 'count until then; default now')
    .option('--limit <count>', 'at most so many rows, the most device-hours first', wholeNumber, 1000)
    .option('--csv', 'write CSV to stdout')
  withServer(command).action(async ({ by, since, until, limit, csv, ...flags }: Flags) => {
    const query = { by, limit, ...(since ? { since } : {}), ...(until ? { until } : {}) }
    const rows = await connect(flags).listCosts(query)
    if (flags.json) printJson({ rows })
    else if (csv) print(csvOf(by, rows))
    else if (rows.length === 0) say('nothing has been spent in that time')
    else print(page(by, rows))
    if (rows.length === limit) say(`only the first ${limit}; more with --limit`)
  })
}

function page(by: string, rows: Cost[]): string {
  const head = [by.toUpperCase(), 'DEVICE-HOURS', 'AMOUNT', 'LOST', 'ATTEMPTS']
  return table([
    head,
    ...rows.map((r) => [
      plain(r.key ?? '-'),
      r.deviceHours.toFixed(2),
      r.amount === null ? 'no price set' : `${r.amount.toFixed(2)} ${r.currency}${r.open > 0 ? ' so far' : ''}`,
      lostText(r),
      String(r.attempts),
    ]),
  ])
}

function lostText({ lostAmount, lostDeviceHours, currency }: Cost): string {
  if (lostDeviceHours === null) return '-'
  return lostAmount === null ? `${lostDeviceHours.toFixed(2)} h` : `${lostAmount.toFixed(2)} ${currency}`
}

function csvOf(by: string, rows: Cost[]): string {
  const head = [by, 'currency', 'amount', 'device_hours', 'lost_amount', 'lost_device_hours', 'attempts', 'open']
  const lines = rows.map((r) =>
    [r.key, r.currency, r.amount, r.deviceHours, r.lostAmount, r.lostDeviceHours, r.attempts, r.open].map(field),
  )
  return [head.map(field), ...lines].map((line) => line.join(',')).join('\n')
}

/** What is not known is empty; text that a comma or a quote would tear apart stands in quotes. */
function field(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
