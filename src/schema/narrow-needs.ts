import { type ParsedStep, takenBy } from './parse-step.js'
import { itemOf, type StepNode, stepOf } from './pipeline-next.js'

/**
 * A step that takes in the outputs of some items waits for these and for no others, where it needs the fanned step for nothing else: it
 * does not stand under `needs`, and there is no condition, which could speak of the whole. `outputs` are resolved already.
 */
export function narrowNeeds(steps: readonly ParsedStep[], raw: Readonly<Record<string, Record<string, unknown>>>) {
  const sizes = new Map(steps.map(({ node, members }) => [node.name, members.length]))
  return steps.map((step): ParsedStep => {
    const { node, members } = step
    const said = [raw[node.name]?.needs ?? []].flat()
    const only: NonNullable<StepNode['only']> = {}
    if (node.when !== undefined) return step
    for (const need of node.needs.filter((name) => !said.includes(name))) {
      const taken = new Set(members.flatMap((member) => takenFrom(member, need)))
      if (members.length > 1 && members.every((member) => takesItsOwn(member, need))) only[need] = 'same'
      else if (taken.size > 0 && taken.size < (sizes.get(need) ?? 0)) only[need] = [...taken]
    }
    return Object.keys(only).length === 0 ? step : { ...step, node: { ...node, only } }
  })
}

type Member = ParsedStep['members'][number]

function takenFrom({ data }: Member, step: string): string[] {
  return takenBy(data).filter((key) => stepOf(key) === step)
}

function takesItsOwn(member: Member, step: string): boolean {
  const own = `${step}.${itemOf(member.key)}`
  const taken = takenFrom(member, step)
  return taken.length > 0 && taken.every((key) => key === own)
}
