import { basename } from 'node:path'

const SCRIPT = /\.(py|sh|bash|js|mjs|cjs|ts|pl|rb|r|jl|lua)$/i

/** The name of a job without one: `train` for `python src/train.py`, `pkg.train` for `python -m pkg.train`, else the program. */
export function nameOfProgram(command: readonly string[]): string {
  const words = command.length === 1 ? (command[0] ?? '').split(/\s+/) : command
  const module = words[words.indexOf('-m') + 1]
  const script = words.find((word) => SCRIPT.test(word))
  const isPython = /python|torchrun|accelerate/.test(words[0] ?? '')
  const chosen = isPython && words.includes('-m') && module ? module : (script ?? words[0] ?? '')
  const name = basename(chosen)
    .replace(SCRIPT, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63)
    .replace(/[^a-z0-9]+$/, '')
  return name || 'job'
}
