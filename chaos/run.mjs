// `npm run chaos -- --minutes M --seed S`: kills at named crash points and at random, cut and slow connections, a full disk,
// and looks whether the promises hold. Ends with the line `chaos: N kills, N violations`; exit code 1 where there are any.
//   --form up|apart   only `anneal up`, or only the parts as processes of their own; without it half of the time each
//   --no-points       no start at each named crash point, only at random
//   --devices N       devices in all, even; default 4
//   --keep            keep the folder also when nothing was violated
// The seed decides what is done in which order; when it is done depends on the machine. Talks to loopback only.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    form: { type: 'string', default: 'both' },
    points: { type: 'boolean', default: true },
    devices: { type: 'string', default: '4' },
    keep: { type: 'boolean', default: false },
  },
  allowNegative: true,
})
const [minutes, seed, devices] = [Number(values.minutes), Number(values.seed), Number(values.devices)]
if (!(minutes > 0 && minutes <= 600)) throw new Error(`--minutes is ${values.minutes}; expected a number up to 600`)
if (!Number.isSafeInteger(seed)) throw new Error(`--seed is ${values.seed}; expected a whole number`)
if (!(devices >= 2 && devices % 2 === 0)) throw new Error(`--devices is ${values.devices}; expected an even number`)
const FORMS = ['up', 'apart']
if (![...FORMS, 'both'].includes(values.form)) throw new Error(`--form is ${values.form}; expected up, apart or both`)

const build = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
for (const flags of [[], ['--crash-points']]) execFileSync(process.execPath, [build, ...flags])
const { storm } = await import('./storm.mjs')

const forms = values.form === 'both' ? FORMS : [values.form]
const say = (text) => process.stderr.write(`chaos: ${text}\n`)
say(`seed ${seed}, ${minutes} minutes`)
const total = { kills: 0, violations: 0 }
for (const form of forms) {
  const options = {
    form,
    seed,
    minutes: minutes / forms.length,
    devices,
    hasPoints: values.points,
    isKept: values.keep,
    say,
  }
  const { kills, found, folder } = await storm(options)
  for (const text of found) process.stdout.write(`violation of promise ${text}\n`)
  if (found.length > 0)
    process.stdout.write(
      `what to look at is kept in ${folder}; its journal.txt says what was done when; host-two there may be a mounted tmpfs\n`,
    )
  total.kills += kills
  total.violations += found.length
}
process.stdout.write(`chaos: ${total.kills} kills, ${total.violations} violations\n`)
process.exit(total.violations > 0 ? 1 : 0)
