import { readFileSync } from 'node:fs'

/** The directives of a systemd unit, by section; a directive may stand more than once. */
export type Unit = Record<string, Record<string, string[]>>

export function readUnit(path: string): Unit {
  const unit: Unit = {}
  let section: Record<string, string[]> | undefined
  for (const line of readFileSync(path, 'utf8')
    .split('\n')
    .map((text) => text.trim())) {
    const head = /^\[(\w+)\]$/.exec(line)?.[1]
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (head) {
      section = unit[head] ?? {}
      unit[head] = section
    } else if (section && name !== undefined && value !== undefined) section[name] = [...(section[name] ?? []), value]
    else if (line !== '' && !line.startsWith('#')) throw new Error(`${path}: what is this line? ${line}`)
  }
  return unit
}
