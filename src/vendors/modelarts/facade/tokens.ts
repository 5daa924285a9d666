import { createHmac } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { bodyOf, type FacadeDeps } from '../../../gateway/facade.js'
import { HOUR } from '../../../schema/duration.js'
import type { GatewayConfig, User } from '../config.js'
import { isEqual, sha256 } from '../sign.js'

/** A token is good for this long (reference §9). */
const TOKEN_LIFE = 24 * HOUR
const PREFIX = 'anneal1'

const Named = z.object({ name: z.string().optional(), id: z.string().optional() })
const Login = z.object({
  auth: z.object({
    identity: z.object({
      methods: z.array(z.string()),
      password: z.object({
        user: z.object({ name: z.string(), password: z.string(), domain: Named.optional() }),
      }),
    }),
    scope: z.object({ project: Named }),
  }),
})
type Login = z.infer<typeof Login>

/**
 * `POST /v3/auth/tokens` of IAM, for the users of the configuration file: 201 with the token in `X-Subject-Token`. A token is
 * signed with the password and kept nowhere, so that a new password voids it.
 */
export function logIn(request: FastifyRequest, reply: FastifyReply, deps: FacadeDeps<GatewayConfig>): FastifyReply {
  const login = readLogin(bodyOf(request))
  if (!login) return sendError(reply, 400, 'Bad Request', 'expected auth.identity.password and auth.scope.project')
  const { user, project } = deps.isOpen ? openUser(login) : { user: findUser(login, deps), project: undefined }
  if (!user) return sendError(reply, 401, 'Unauthorized', 'The username or password is wrong.')
  const now = Date.now()
  const secret = deps.isOpen ? '' : deps.secret(user.password)
  const url = `${request.protocol}://${request.host}/v1/${user.projectId}`
  return reply
    .code(201)
    .header('X-Subject-Token', issueToken(user, secret, now + TOKEN_LIFE))
    .send({ token: describe(user, project ?? user.projectName ?? user.projectId, now, url) })
}

function readLogin(body: Buffer): Login | undefined {
  try {
    return Login.safeParse(JSON.parse(body.toString('utf8'))).data
  } catch {
    return undefined
  }
}

function openUser({ auth }: Login): { user: User; project: string | undefined } {
  const { name, id } = auth.scope.project
  const projectId = id ?? name ?? 'default'
  const user = { name: auth.identity.password.user.name, password: '', projectId, project: 'default' }
  return { user, project: name }
}

function findUser({ auth }: Login, { config, secret }: FacadeDeps<GatewayConfig>): User | undefined {
  const { name, password, domain } = auth.identity.password.user
  const { project } = auth.scope
  return config.users.find(
    (user) =>
      user.name === name &&
      (user.domain === undefined || domain?.name === undefined || user.domain === domain.name) &&
      (project.id ?? user.projectId) === user.projectId &&
      (user.projectName === undefined || project.name === undefined || project.name === user.projectName) &&
      isEqual(sha256(password), sha256(secret(user.password))),
  )
}

function describe(user: User, projectName: string, now: number, url: string) {
  const domain = { id: user.domain ?? 'default', name: user.domain ?? 'default' }
  const endpoint = { id: 'modelarts', interface: 'public', region: projectName, region_id: projectName, url }
  return {
    methods: ['password'],
    issued_at: new Date(now).toISOString(),
    expires_at: new Date(now + TOKEN_LIFE).toISOString(),
    user: { id: user.name, name: user.name, domain },
    project: { id: user.projectId, name: projectName, domain },
    roles: [],
    catalog: [{ id: 'modelarts', name: 'modelarts', type: 'modelarts', endpoints: [endpoint] }],
  }
}

function sendError(reply: FastifyReply, code: number, title: string, message: string): FastifyReply {
  return reply.code(code).send({ error: { code, message, title } })
}

function issueToken(user: User, password: string, expiresAt: number): string {
  const claim = JSON.stringify({ name: user.name, projectId: user.projectId, expiresAt })
  const text = `${PREFIX}.${Buffer.from(claim).toString('base64url')}`
  return `${text}.${seal(text, password)}`
}

const seal = (text: string, password: string) => createHmac('sha256', password).update(text).digest('base64url')

/** The user whose token it is; `expired`; undefined for one that is none of ours, or was made with another password. */
export function readToken(
  token: string,
  users: User[],
  secret: (name: string) => string,
  now: number,
): { name: string; projectId: string; project: string } | 'expired' | undefined {
  const end = token.lastIndexOf('.')
  const [text, signature] = [token.slice(0, Math.max(0, end)), token.slice(end + 1)]
  const claim = readClaim(text)
  const user = users.find(({ name, projectId }) => name === claim?.name && projectId === claim.projectId)
  if (!claim || !user || !isEqual(seal(text, secret(user.password)), signature)) return undefined
  return claim.expiresAt <= now ? 'expired' : { name: user.name, projectId: user.projectId, project: user.project }
}

function readClaim(text: string): { name: string; projectId: string; expiresAt: number } | undefined {
  const [prefix, payload] = text.split('.', 2)
  if (prefix !== PREFIX || !payload) return undefined
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
