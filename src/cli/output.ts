import { once } from 'node:events'

/** Data: everything that a script may read goes to stdout, by these two. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** Talk: for the person, on stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Writes bytes unchanged; resolves when more can be taken, so that a slow reader costs no memory here. */
export async function writeBytes(target: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  if (!target.write(bytes)) await once(target, 'drain')
}

type Colour = 'red' | 'green' | 'yellow' | 'dim'
const CODES: Record<Colour, number> = { red: 31, green: 32, yellow: 33, dim: 2 }

/** Coloured on a terminal, unless NO_COLOR is set. */
export function paint(target: NodeJS.WriteStream, colour: Colour, text: string): string {
  return target.isTTY && !process.env.NO_COLOR ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text
}

/** Text of others without what a terminal would obey. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�')
}

/** Columns padded to their widest entry, two spaces apart; the first row is the head. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}
