import { z } from 'zod'
import { checkProviderOptions } from '../providers/index.js'
import { MAX_SPEC_BYTES } from '../schema/job.js'
import { checkTemplate, jobOf, Overrides, TemplateBody, TemplateInput, TemplateView } from '../schema/template.js'
import { JobView } from '../schema/view.js'
import { submitJob } from '../store/jobs.js'
import { viewJob } from '../store/queries.js'
import {
  createTemplate,
  listTemplates,
  removeTemplate,
  storedTemplate,
  updateTemplate,
  viewTemplate,
} from '../store/templates.js'
import type { App, Deps } from './app.js'
import { type Caller, requires } from './auth.js'
import { failures } from './failures.js'
import { checkJob } from './jobs.js'

const params = z.object({ ref: z.string().min(1).max(100).describe('NAME, or NAME@VERSION') })
const authorOf = ({ project, actor, role }: Caller) => ({ project, actor, isAdmin: role === 'admin' })

/** Templates: jobs with a name and versions, of which others are made with some fields changed. */
export function templateRoutes(app: App, deps: Deps): void {
  const { store } = deps
  const read = requires(store, 'read')
  const write = requires(store, 'write')

  app.post('/api/v1/templates', {
    schema: {
      operationId: 'createTemplate',
      tags: ['templates'],
      body: TemplateInput,
      response: { 201: TemplateView, ...failures(401, 403, 409, 413, 422, 429) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async ({ body: { name, ...body }, caller }, reply) => {
      checkTemplate(name, body, checkProviderOptions)
      return reply.code(201).send(await store.transact((tx) => createTemplate(tx, name, body, authorOf(caller))))
    },
  })

  app.get('/api/v1/templates', {
    schema: {
      operationId: 'listTemplates',
      tags: ['templates'],
      description: 'The newest version of each.',
      response: { 200: z.object({ templates: z.array(TemplateView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async ({ caller }) => ({ templates: await listTemplates(store.read, caller.project) }),
  })

  app.get('/api/v1/templates/:ref', {
    schema: {
      operationId: 'showTemplate',
      tags: ['templates'],
      params,
      response: { 200: TemplateView, ...failures(400, 401, 404) },
    },
    onRequest: read,
    handler: async ({ caller, params: { ref } }) => viewTemplate(store.read, caller.project, ref),
  })

  app.post('/api/v1/templates/:ref/versions', {
    schema: {
      operationId: 'updateTemplate',
      tags: ['templates'],
      params,
      description: 'Makes the next version. Those before stay as they are.',
      body: TemplateBody,
      response: { 201: TemplateView, ...failures(401, 403, 404, 413, 422, 429) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async ({ body, caller, params: { ref } }, reply) => {
      checkTemplate(ref, body, checkProviderOptions)
      return reply.code(201).send(await store.transact((tx) => updateTemplate(tx, ref, body, authorOf(caller))))
    },
  })

  app.delete('/api/v1/templates/:ref', {
    schema: {
      operationId: 'removeTemplate',
      tags: ['templates'],
      params,
      response: { 200: TemplateView, ...failures(401, 403, 404) },
    },
    onRequest: write,
    handler: async ({ caller, params: { ref } }) => store.transact((tx) => removeTemplate(tx, ref, authorOf(caller))),
  })

  app.post('/api/v1/templates/:ref/jobs', {
    schema: {
      operationId: 'submitTemplate',
      tags: ['templates'],
      params,
      description: 'Submits a job made of a template, with overrides of fields that are not locked.',
      headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
      body: z.strictObject({ set: Overrides.default({}) }),
      response: { 201: JobView, 200: JobView, ...failures(400, 401, 403, 404, 413, 422, 429, 503, 507) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async ({ body, caller, headers, params: { ref } }, reply) => {
      const { project, actor } = caller
      const template = await storedTemplate(store.read, project, ref)
      const spec = jobOf(template, body.set)
      await checkJob(deps, spec)
      const made = { template: `${template.name}@${template.version}`, idempotencyKey: headers['idempotency-key'] }
      const { job, existed } = await store.transact((tx) => submitJob(tx, { project, actor, spec, ...made }))
      return reply.code(existed ? 200 : 201).send(await viewJob(store.read, job))
    },
  })
}
