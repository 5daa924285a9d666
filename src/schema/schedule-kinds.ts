/** What a schedule may submit, each under a key of its own. */
export const BODY_KINDS = ['job', 'pipeline', 'sweep'] as const
