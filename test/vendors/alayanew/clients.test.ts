import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { create } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Anneal, build, until } from '../../support/anneal.js'
import { pythonWithClients, SETUP_WITHIN } from '../../support/clients.js'

const run = promisify(execFile)
const KEY = 'sk-of-a-client'
const JOBS = '/v1/training/instance'

/** What the template of the vendor's page starts: it goes on from its checkpoint, and ends when its data say so. */
const TRAIN = `
import os, sys, time
data = sys.argv[sys.argv.index('--data') + 1]
checkpoint = os.path.join(os.environ['ANNEAL_CHECKPOINT_DIR'], 'step')
step = int(open(checkpoint).read()) if os.path.exists(checkpoint) else 0
print('begins at step', step, 'in', os.environ['ENV_MODE'], flush=True)
while not os.path.exists(os.path.join(data, 'finish')):
    step += 1
    with open(checkpoint + '.tmp', 'w') as file: file.write(str(step))
    os.rename(checkpoint + '.tmp', checkpoint)
    time.sleep(0.02)
print('finished', flush=True)
`

let folder: string
let anneal: Anneal
beforeAll(async () => {
  build()
  folder = mkdtempSync(join(tmpdir(), 'anneal-alayanew-'))
  for (const name of ['bin', 'work', 'nas/nas123/data']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'bin/python'), '#!/bin/sh\nexec python3 "$@"\n', { mode: 0o755 })
  writeFileSync(join(folder, 'work/train.py'), TRAIN)
  await create({ cwd: join(folder, 'work'), file: join(folder, 'work.tar'), portable: true }, ['train.py'])
  const packed = readFileSync(join(folder, 'work.tar'))
  const blob = createHash('sha256').update(packed).digest('hex')
  const gateway = {
    credentials: [
      { name: 'alice', key: 'ALAYA_KEY' },
      { name: 'monitor', accessKey: 'ak_demo', secretKey: 'ALAYA_SK' },
    ],
    storages: { '0000-0000-0000-0000/': join(folder, 'nas') },
    defaults: { workdir: { blob }, env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` } },
  }
  anneal = await Anneal.start({
    devices: 2,
    files: {
      'vendors/alayanew.yaml': JSON.stringify({ gateway }),
      'secrets/ALAYA_KEY': `${KEY}\n`,
      'secrets/ALAYA_SK': 'sk_demo',
    },
  })
  const token = readFileSync(join(anneal.home, 'token'), 'utf8').trim()
  const uploaded = await fetch(`${anneal.url}/api/v1/blobs/${blob}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
    body: packed,
  })
  if (!uploaded.ok) throw new Error(`upload of the workdir: ${uploaded.status} ${await uploaded.text()}`)
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** A program of the vendor's page, with this gateway and this key in it. */
function document(name: string): string {
  const text = readFileSync(fileURLToPath(new URL(`document/${name}.txt`, import.meta.url)), 'utf8')
  return text.replaceAll('https://api.alayanew.com', anneal.gatewayUrl).replaceAll('[YOUR_API_KEY]', KEY)
}

/** A line in the manner of the vendor's pages, run by a shell. */
// biome-ignore lint/suspicious/noExplicitAny: the answers of a vendor, looked into by tests
async function curl(method: string, path: string, body?: unknown): Promise<any> {
  const line = `curl -s -X '${method}' \\
'${anneal.gatewayUrl}${path}' \\
-H 'accept: application/json' \\
-H 'Content-Type: application/json' \\
-H 'Authorization: Bearer ${KEY}'${body === undefined ? '' : ` \\\n-d '${JSON.stringify(body)}'`}`
  return JSON.parse((await run('sh', ['-c', line])).stdout)
}

describe("the programs of the vendor's page", () => {
  test('curl, Python and JavaScript each make a template', { timeout: SETUP_WITHIN }, async () => {
    const ok = { status: 200, message: 'OK', data: {} }
    const byCurl = await run('sh', ['-c', document('curl')])
    expect(JSON.parse(byCurl.stdout)).toEqual(ok)
    const byPython = await run(await pythonWithClients(), ['-c', document('python')])
    expect(byPython.stdout.trim()).toBe("{'status': 200, 'message': 'OK', 'data': {}}")
    const byNode = await run(process.execPath, ['-e', document('javascript')])
    expect(byNode.stdout.trim()).toBe("{ status: 200, message: 'OK', data: {} }")
    expect(byNode.stderr).toBe('')
    const { data } = await curl('GET', '/v1/training/template/list')
    const names = data.records.map((record: { name: string }) => record.name)
    expect(names).toEqual(['pytorch-2gpu-template', 'pytorch-2gpu-template', 'my training task'])
  })

  test('a job made from the template of the page runs, is paused, restarted, and succeeds', async () => {
    const made = await run('sh', ['-c', document('curl').replace("curl -X 'POST'", "curl -s -i -X 'POST'")])
    const templateId = /^x-template-id: (\S+)/im.exec(made.stdout)?.[1]
    const created = await curl('POST', `${JOBS}/create`, { createType: 'TEMPLATE', templateId, productCode: 'PRD-QTT' })
    expect(created).toEqual({ status: 200, message: 'OK', data: { id: expect.any(String) } })
    const path = `${JOBS}/${created.data.id}`
    const job = async () => (await curl('GET', path)).data
    const becomes = (status: string) => until(`status ${status}`, async () => (await job()).status === status)

    await becomes('Running')
    const [{ podName }] = (await curl('GET', `${path}/pod/list`)).data
    const log = async () => (await curl('GET', `${path}/${podName}/logs?tail=10&size=10`)).data.lines
    await until('its first line', async () => (await log()).length === 1)
    expect(await log()).toEqual(['begins at step 0 in production'])
    expect((await curl('GET', `${path}/${podName}/basic`)).data).toMatchObject({ status: 'Running', restartCount: 0 })

    expect((await curl('POST', `${path}/pause`)).status).toBe(200)
    await becomes('Suspended')
    expect((await curl('GET', `${path}/pod/list`)).data).toEqual([])
    expect((await curl('POST', `${path}/restart`)).status).toBe(200)
    await becomes('Running')
    await until('the line of the second run', async () => (await log()).length === 2)
    expect((await log())[1]).toMatch(/^begins at step [1-9]\d* in production$/)
    writeFileSync(join(folder, 'nas/nas123/data/finish'), '')
    await becomes('Succeeded')
    expect((await log()).at(-1)).toBe('finished')
    expect((await job()).executionRecords).toMatchObject([{ status: 'Suspended' }, { status: 'Succeeded' }])
    expect((await curl('DELETE', `${path}/delete`)).data).toEqual({})
    expect((await curl('GET', path)).status).toBe(404)
  })

  test('a monitor that signs its requests reads the list under the other prefix', async () => {
    const path = `/api/osm${JOBS}/list`
    const program = `
import hashlib, hmac, json, sys, time, urllib.request
ts = str(int(time.time() * 1000))
sig = hmac.new(b'sk_demo', f'{ts}|GET|${path}'.encode(), hashlib.sha256).hexdigest()
request = urllib.request.Request('${anneal.gatewayUrl}${path}?pageNo=1&pageSize=100', headers={'Authorization': f'alayanew-HMAC-SHA256 ak_demo:{ts}:{sig}'})
print(json.dumps(json.load(urllib.request.urlopen(request))))`
    const { stdout } = await run('python3', ['-c', program])
    expect(JSON.parse(stdout)).toMatchObject({ status: 200, data: { records: [], totalRows: 0 } })
  })

  test('the example makes a job that succeeds, and shows its log', async () => {
    const example = fileURLToPath(new URL('../../../examples/vendors/alayanew/run.sh', import.meta.url))
    const env = { ...process.env, ALAYANEW_URL: anneal.gatewayUrl, ALAYANEW_KEY: KEY }
    const { stdout } = await run('sh', [example], { env })
    expect(stdout).toContain('"lines":["epoch 1","epoch 2","epoch 3"]')
  })

  test('a job of two workers that fails is tried again and keeps its lines', async () => {
    const created = await curl('POST', `${JOBS}/create`, {
      ...JSON.parse(/-d '(.*)'/s.exec(document('curl'))?.[1] as string),
      maxRetryCount: 1,
      workerCount: 2,
      resource: { gpuCount: 1 },
      startCommand: 'echo "rank $NODE_RANK of $WORLD_SIZE"; [ $NODE_RANK = 0 ] || sleep 0.1; exit 3',
    })
    const path = `${JOBS}/${created.data.id}`
    const job = async () => (await curl('GET', path)).data
    await until('its end', async () => (await job()).status === 'Failed')
    expect(await job()).toMatchObject({ retryCount: 1, reason: expect.stringContaining('exit code 3') })
    const pods = (await curl('GET', `${path}/pod/list`)).data
    expect(pods.length).toBe(2)
    const { lines } = (await curl('GET', `${path}/${pods[0].podName}/logs`)).data
    expect(lines.filter((line: string) => line === 'rank 0 of 2').length).toBe(2)
  })

  test('no key stands in the log of the program', () => {
    expect(readFileSync(join(anneal.home, 'logs/anneal.log'), 'utf8')).not.toContain(KEY)
  })
})
