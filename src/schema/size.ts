const POWERS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** Parses `16GB`, `512MiB` or `1.5TB` to bytes (decimal and binary units as written); undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/.exec(text)
  if (!match) return undefined
  return Math.round(Number(match[1]) * (POWERS[match[2] as string] as number))
}

/** Writes bytes for a person: `16.0 GB`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let power = 0
  while (bytes >= 1000 ** (power + 1) && power < units.length - 1) power += 1
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}`
}
