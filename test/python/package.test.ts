import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { COMPLETED, endAttempt, runningJob, startServer, type TestServer, write } from '../client/server.js'
import { until } from '../support/anneal.js'
import { connectHost } from '../support/jobs.js'

const run = promisify(execFile)
const PACKAGE = fileURLToPath(new URL('../../python', import.meta.url))
const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url))
/** Python 3 and nothing else: the package has no dependencies. */
const PYTHON = process.env.PYTHON ?? 'python3'

let server: TestServer
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server.close())

test.each([
  ['the Python package', PACKAGE, 'tests'],
  ['the fine-tune recipe that need no library', RECIPES, 'finetune/tests'],
])(
  'the tests of %s are green',
  async (_, cwd, tests) => {
    const { stderr } = await run(PYTHON, ['-W', 'error', '-m', 'unittest', 'discover', '-t', '.', '-s', tests], { cwd })
    expect(stderr).toMatch(/^Ran \d\d+ tests in/m)
    expect(stderr).toMatch(/^OK$/m)
  },
  120_000,
)

test('the package needs nothing but the standard library', async () => {
  const { stdout } = await run(
    PYTHON,
    ['-I', '-S', '-c', `import sys; sys.path.append('.'); import anneal; print('ok')`],
    {
      cwd: PACKAGE,
    },
  )
  expect(stdout).toBe('ok\n')
})

test('its client submits once however often it is called with one key, and reads, lists and stops', async () => {
  await connectHost(server.store, 1)
  const said = await python(`
    spec = {"name": "from-python", "command": "true"}
    first, again = (client.submit(spec, key="same") for _ in range(2))
    other = client.submit(spec)
    print(first.id == again.id, first.id == other.id)
    print(client.show("from-python").id == other.id, sorted({job.name for job in client.list()}))
    print(client.stop(other.id).raw["stopWanted"], len(list(client.events(first.id))) > 0)
    try:
        client.submit({"name": "Bad Name", "command": "true", "resources": {"gpus": "two"}})
    except anneal.InvalidSpec as error:
        print(sorted(problem["path"] for problem in error.problems))
    try:
        client.show("nobody")
    except anneal.NotFound as error:
        print(error.code)
    try:
        client.retry(first.id)
    except anneal.Conflict as error:
        print(error.code)
  `)
  expect(said).toBe(
    "True False\nTrue ['from-python']\nTrue True\n['name', 'resources.gpus']\nnot_found\nstate_conflict\n",
  )
})

test('its followers of logs and of the end go on across a restart of the server', async () => {
  const attempt = await runningJob(server, { name: 'followed' })
  await write(server, attempt, 'before\n')
  const said = python(`
    import threading
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(client.wait("followed", timeout=60)))
    waiting.start()
    data = b""
    for piece in client.logs("followed", timeout=60):
        data += piece.data
        open("${join(server.folder, 'followed')}", "w").close()
    print(data)
    waiting.join()
    print(ended[0].outcome.reason, b"".join(piece.data for piece in client.logs("followed", follow=False)))
  `)
  await until('the first bytes to be there', () => existsSync(join(server.folder, 'followed')))
  await server.stop()
  await server.start()
  await write(server, attempt, 'after\n')
  await endAttempt(server, attempt, COMPLETED)
  expect(await said).toBe("b'before\\nafter\\n'\ncompleted b'before\\nafter\\n'\n")
})

/** Runs lines of Python that have a `client` of the server, in a process of its own. */
async function python(lines: string): Promise<string> {
  const code = lines.replace(/^ {4}/gm, '')
  const { stdout } = await run(PYTHON, ['-c', `import anneal\nclient = anneal.Client()\n${code}`], {
    cwd: dirname(PACKAGE),
    env: { ...process.env, PYTHONPATH: PACKAGE, ANNEAL_URL: server.url, ANNEAL_TOKEN: server.token },
    timeout: 60_000,
  })
  return stdout
}
