import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { Client, Webhook } from '../../client/index.js'
import { Failure } from '../../schema/failure.js'
import { NOTICES, type Notice } from '../../schema/webhook.js'
import { connect } from '../connection.js'
import { type ServerFlags, withServer } from '../options.js'
import { plain, print, printJson, say, table } from '../output.js'
import { localTime } from '../text.js'

/** Longer than one attempt may take. Milliseconds. */
const TEST_WITHIN = 15_000

interface AddFlags extends ServerFlags {
  on: Notice[]
  name?: string
  onlyNamed?: boolean
  secretFile?: string
}

/** `anneal webhook add|list|show|test|remove`. */
export function define(command: Command): void {
  const add = command
    .command('add')
    .description('tell a URL of what happens in the project, by signed requests')
    .argument('<url>')
    .requiredOption('--on <notices>', `some of ${NOTICES.join(',')}`, notices)
    .option('--name <name>', 'by which jobs, pipelines and sweeps may name it')
    .option('--only-named', 'it hears only of what names it')
    .option(
      '--secret-file <file>',
      'holds whsec_ and 24 to 64 bytes in base64; without it one is made and printed once',
    )
  withServer(add).action(async (url: string, flags: AddFlags) => {
    const secret = flags.secretFile === undefined ? {} : { secret: await secretIn(flags.secretFile) }
    const { on, name, onlyNamed } = flags
    const made = await connect(flags).createWebhook({ url, on, ...(name ? { name } : {}), onlyNamed, ...secret })
    if (flags.json) return printJson(made)
    print(made.id)
    if (made.secret) print(made.secret)
    say(`${made.secret ? 'the secret cannot be shown again; ' : ''}try it with: anneal webhook test ${made.id}`)
  })
  withServer(command.command('list').description('list webhooks, without their secrets')).action(
    async (flags: ServerFlags) => {
      const webhooks = await connect(flags).listWebhooks()
      if (flags.json) printJson({ webhooks })
      else if (webhooks.length === 0) say('no webhooks; add one with: anneal webhook add URL --on ended')
      else print(list(webhooks))
    },
  )
  const show = command.command('show').description('show a webhook and its last deliveries').argument('<ref>')
  withServer(show).action(async (ref: string, flags: ServerFlags) => {
    const webhook = await connect(flags).showWebhook(ref)
    if (flags.json) printJson(webhook)
    else print(page(webhook))
  })
  const test = command
    .command('test')
    .description('send a message of no meaning, and say what came of it')
    .argument('<ref>')
  withServer(test).action(async (ref: string, flags: ServerFlags) => {
    const client = connect(flags)
    const delivery = await firstAttempt(client, ref, await client.testWebhook(ref))
    if (flags.json) return printJson(delivery)
    if (delivery.state !== 'delivered')
      throw new Failure('unavailable', `It was not taken: ${plain(delivery.lastError ?? 'no attempt was made yet')}`, {
        next: `See: anneal webhook show ${ref}`,
      })
    print('delivered')
  })
  const remove = command.command('remove').description('tell it nothing any more').argument('<ref>')
  withServer(remove).action(async (ref: string, flags: ServerFlags) => {
    const webhook = await connect(flags).removeWebhook(ref)
    if (flags.json) printJson(webhook)
    else say(`webhook ${webhook.id} is removed`)
  })
}

function notices(text: string): Notice[] {
  return text.split(',').map((word) => {
    const known = NOTICES.find((notice) => notice === word.trim())
    if (!known) throw new InvalidArgumentError(`Expected some of ${NOTICES.join(',')}.`)
    return known
  })
}

async function secretIn(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new Failure('not_found', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
      next: 'check the path',
    })
  }
}

async function firstAttempt(client: Client, ref: string, id: string): Promise<Webhook['deliveries'][number]> {
  for (const deadline = Date.now() + TEST_WITHIN; ; await pause(100)) {
    const delivery = (await client.showWebhook(ref)).deliveries.find((one) => one.id === id)
    const isTried = delivery && (delivery.state !== 'pending' || delivery.lastError !== null)
    if (isTried || (delivery && Date.now() > deadline)) return delivery
    if (Date.now() > deadline) throw new Failure('unavailable', `The message ${id} is not shown`, { next: 'try again' })
  }
}

function list(webhooks: Webhook[]): string {
  const rows = webhooks.map((one) => [
    one.id,
    one.name ?? '',
    plain(one.url),
    one.on.join(','),
    String(one.pending),
    String(one.dead + one.dropped),
  ])
  return table([['ID', 'NAME', 'URL', 'ON', 'WAITING', 'LOST'], ...rows])
}

function page(one: Webhook): string {
  const only = one.onlyNamed ? ' of what names it' : ''
  const head = `${one.id}  ${one.name ? `${one.name}  ` : ''}${plain(one.url)}  on ${one.on.join(',')}${only}`
  const counts = `${one.pending} waiting, ${one.dead} dead, ${one.dropped} dropped`
  if (one.deliveries.length === 0) return `${head}\n${counts}`
  const rows = one.deliveries.map((delivery) => [
    localTime(delivery.createdAt),
    delivery.type,
    delivery.state,
    String(delivery.attempts),
    plain(delivery.lastError ?? ''),
  ])
  return `${head}\n${counts}\n\n${table([['AT', 'TYPE', 'STATE', 'ATTEMPTS', 'WHY'], ...rows])}`
}
