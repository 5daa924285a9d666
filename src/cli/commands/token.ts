import type { Command } from 'commander'
import { Option } from 'commander'
import type { Token } from '../../client/index.js'
import { connect } from '../connection.js'
import { type ServerFlags, wholeNumber, withServer } from '../options.js'
import { print, printJson, say, table } from '../output.js'
import { localTime } from '../text.js'

interface Flags extends ServerFlags {
  role: Token['role']
  project?: string
  days?: number
}

/** `anneal token create|list|revoke`. The secret goes to stdout, once. */
export function define(command: Command): void {
  const create = command
    .command('create')
    .description('make a token, and print its secret this once')
    .addOption(
      new Option('--role <role>', 'what it may do').choices(['admin', 'user', 'viewer', 'host']).makeOptionMandatory(),
    )
    .option('--project <project>', 'default: default')
    .option('--days <count>', 'until it expires; default never', wholeNumber)
  withServer(create).action(async ({ role, project, days, ...flags }: Flags) => {
    const made = await connect(flags).createToken({ role, ...(project ? { project } : {}), ...(days ? { days } : {}) })
    if (flags.json) return printJson(made)
    print(made.secret)
    say(`token ${made.id}, role ${made.role}, project ${made.project}; it cannot be shown again`)
  })
  withServer(command.command('list').description('list tokens, without their secrets')).action(
    async (flags: ServerFlags) => {
      const tokens = await connect(flags).listTokens()
      if (flags.json) return printJson({ tokens })
      const head = ['ID', 'ROLE', 'PROJECT', 'HOST', 'EXPIRES']
      const rows = tokens.map((t) => [
        t.id,
        t.role,
        t.project,
        t.hostId ?? '',
        t.expiresAt ? localTime(t.expiresAt) : 'never',
      ])
      print(table([head, ...rows]))
    },
  )
  const revoke = command.command('revoke').description('make a token worthless from now on').argument('<id>')
  withServer(revoke).action(async (id: string, flags: ServerFlags) => {
    const token = await connect(flags).revokeToken(id)
    if (flags.json) return printJson(token)
    print(`${token.id}  ${token.role}  revoked`)
  })
}
