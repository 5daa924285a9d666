const NAME = '[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?'
const REFERENCE = new RegExp(`^(${NAME})(?::(${NAME})|@([1-9][0-9]{0,8}))?$`)

/** A name of artifacts with what it points at: a tag, or one version for good. */
export interface ArtifactName {
  name: string
  tag: string
  version?: number
}

/** `support-bot:prod`, `support-bot@3`, or `support-bot` for `support-bot:latest`; undefined for anything else. */
export function parseArtifactName(text: string): ArtifactName | undefined {
  const match = REFERENCE.exec(text)
  if (!match) return undefined
  const [, name = '', tag = 'latest', version] = match
  return { name, tag, ...(version === undefined ? {} : { version: Number(version) }) }
}

export const NAME_EXPECTED = 'expected a name such as support-bot:prod, or support-bot@3 for one version'
