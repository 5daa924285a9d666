/** What a training is judged by, the first the most telling; then what is worth a look, and last what every schedule knows. */
const TOLD_BY = [/loss/, /reward|score|accuracy|perplexity|f1/]
const DULL = /(^|\/)(epoch|step|lr|learning_rate|grad_norm|num_tokens)$/

/** The metrics of which the curves say the most first; equal ones stay in their order. */
export function mostTelling<T extends { name: string }>(series: readonly T[]): T[] {
  return series.toSorted((a, b) => rank(a.name) - rank(b.name))
}

function rank(name: string): number {
  if (DULL.test(name)) return TOLD_BY.length + 1
  const place = TOLD_BY.findIndex((word) => word.test(name))
  return place === -1 ? TOLD_BY.length : place
}
