import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import { problemsOf } from '../schema/problems.js'
import type { Vendor } from '../schema/vendors.js'

/** Where a vendor's one configuration file stands. */
export function vendorFile(home: string, vendor: Vendor): string {
  return join(home, 'vendors', `${vendor}.yaml`)
}

/** Where a vendor's own files lie, once there are any; `vendors/` is the operator's and may be read-only. */
export function vendorFolder(home: string, vendor: Vendor): string {
  return join(home, 'gateway', vendor)
}

/**
 * Reads `vendors/<name>.yaml`: `gateway` for its clients here, `accounts` for our jobs there. No file: both empty. Fails
 * with `invalid_request`, naming the file, the key and what was expected.
 */
export function readVendorFile<Gateway, Account>(
  home: string,
  vendor: Vendor,
  schemas: { gateway: z.ZodType<Gateway>; account: z.ZodType<Account> },
): { gateway: Gateway; accounts: Record<string, Account> } {
  const file = vendorFile(home, vendor)
  const schema = z.strictObject({
    gateway: schemas.gateway.prefault({} as never),
    accounts: z.record(z.string(), schemas.account).default({}),
  })
  const input = existsSync(file) ? readYaml(file) : {}
  const result = schema.safeParse(input)
  if (result.success) return result.data as { gateway: Gateway; accounts: Record<string, Account> }
  const problems = problemsOf(result.error, schema, input)
  const [first] = problems
  throw new Failure('invalid_request', `${file}: ${first?.path}: ${first?.message}`, {
    problems,
    next: 'Mend the file; docs/vendors.md says what it may hold.',
  })
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8')) ?? {}
  } catch (error) {
    throw new Failure('invalid_request', `${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
      next: 'Mend the file, or its permissions.',
    })
  }
}

/** The value of a secret: `ANNEAL_SECRET_<NAME>`, else the file `secrets/<NAME>`, which nobody else may read. */
export function readSecret(home: string, env: NodeJS.ProcessEnv, name: string): string {
  const value = env[`ANNEAL_SECRET_${name}`]
  if (value !== undefined) return value
  const file = join(home, 'secrets', name)
  const mode = statSync(file, { throwIfNoEntry: false })?.mode
  if (mode === undefined) {
    throw new Failure('invalid_request', `There is no secret ${name}`, {
      next: `Set ANNEAL_SECRET_${name}, or write it to ${file} with mode 0600.`,
    })
  }
  if ((mode & 0o077) !== 0) {
    throw new Failure('invalid_request', `The secret ${name} can be read by others (${file})`, {
      next: `Run chmod 600 ${file}, and change the secret if somebody else may have read it.`,
    })
  }
  return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
}
