import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Anneal, build, until } from '../../support/anneal.js'
import { call, publishedCurl } from './requests.js'
import { served } from './served.js'

/** The client that is published for this service is a line of curl; here it is run as it stands, at our address. */
let anneal: Anneal
let folder: string
beforeAll(async () => {
  build()
  const { folder: made, yamlFor } = await served()
  folder = made
  anneal = await Anneal.start({
    devices: 1,
    gatewayOpen: true,
    files: { 'vendors/facet.yaml': yamlFor('http://nobody') },
  })
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const run = promisify(execFile)

test('the published curl starts a real training, whose id python3 makes of the very request', async () => {
  const published = publishedCurl()
  const ours = published.replace('https://training-service-433968519479.us-central1.run.app', anneal.gatewayUrl)
  const { stdout } = await run('sh', ['-c', ours.replace('curl ', 'curl -sS ')])
  const { job_id: id } = JSON.parse(stdout) as { job_id: string }
  const hashed = `
import json, hashlib, sys
request = json.loads(sys.argv[1])
request["job_name"] = "unnamed job"
config = request["training_config"]
config["export_config"].update(hf_repo_id=None, gguf_quantization=None)
print("training_<string>_<string>_" + hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8])
`
  const sent = published.slice(published.indexOf("--data '") + 8, published.lastIndexOf("'"))
  expect((await run('python3', ['-c', hashed, sent])).stdout.trim()).toBe(id)

  const look = async () => (await call(anneal.gatewayUrl, 'GET', `/jobs/${encodeURIComponent(id)}`)).json
  const done = await until('it to end', async () => {
    const job = await look()
    return ['completed', 'failed'].includes(job.status) && job
  })
  expect(done).toMatchObject({ status: 'completed', error: null, metrics: { eval_loss: 0.25 } })
  expect(readFileSync(join(done.adapter_path, 'weights'), 'utf8')).toBe('weights\n')

  const { json } = await anneal.request('GET', '/api/v1/jobs')
  const [job] = (json as { jobs: { id: string }[] }).jobs
  const jobId = job?.id as string
  expect(await anneal.log(jobId)).toBe(`training ${id} with 1 rows\n`)
  // The request that the job was given, with its secrets put back, is the one that the id was made of.
  const given = readFileSync(join(anneal.runFolder(jobId), 'output/request.json'), 'utf8')
  expect(given).not.toContain('api_key')
  const restored = `
import json, hashlib, sys
request = json.loads(sys.argv[1])
request["hf_token"] = request["training_config"]["wandb_config"]["api_key"] = "<string>"
request["training_config"]["eval_config"]["eval_strategy"] = "<string>"
print(hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8])
`
  expect(id.endsWith((await run('python3', ['-c', restored, given])).stdout.trim())).toBe(true)
})

test('a deletion while it trains stops the training and forgets it', async () => {
  const sent = {
    processed_dataset_id: '<string>',
    hf_token: 't',
    training_config: { base_model_id: 'x-4b', trainer_type: 'dpo' },
  }
  const { json } = await call(anneal.gatewayUrl, 'POST', '/train', { body: sent })
  const path = `/jobs/${encodeURIComponent(json.job_id)}`
  await until('it to train', async () => (await call(anneal.gatewayUrl, 'GET', path)).json.status === 'training')
  const deleted = await call(anneal.gatewayUrl, 'DELETE', path)
  expect(deleted).toMatchObject({ status: 200, json: { job_id: json.job_id, deleted: true } })
  expect((await call(anneal.gatewayUrl, 'GET', path)).status).toBe(404)
  const listed = (await anneal.request('GET', '/api/v1/jobs')).json as { jobs: { state: string }[] }
  expect(listed.jobs.every(({ state }) => state === 'ended')).toBe(true)
})

test('a model is downloaded by the URL that is given for it', async () => {
  const config = { base_model_id: 'x-4b', provider: 'unsloth', export_config: { include_gguf: true } }
  const sent = { processed_dataset_id: '<string>', hf_token: 't', training_config: config }
  const { json } = await call(anneal.gatewayUrl, 'POST', '/train', { body: sent })
  const path = `/jobs/${encodeURIComponent(json.job_id)}`
  await until('it to end', async () => (await call(anneal.gatewayUrl, 'GET', path)).json.status === 'completed')
  const listed = (await anneal.request('GET', '/api/v1/jobs')).json as { jobs: { id: string }[] }
  const output = join(anneal.runFolder(listed.jobs[0]?.id as string), 'output')
  mkdirSync(output, { recursive: true })
  writeFileSync(join(output, 'm.gguf'), 'GGUF')
  writeFileSync(join(output, 'facet.json'), '{"gguf_path": "m.gguf"}')
  const download = await call(anneal.gatewayUrl, 'GET', `/jobs/download/${encodeURIComponent(json.job_id)}`)
  const { stdout } = await run('curl', ['-sS', download.json.download_url])
  expect(stdout).toBe('GGUF')
})
