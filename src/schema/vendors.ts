/** The services whose clients Anneal serves, and to which it submits: each a folder `src/vendors/<name>`. */
export const VENDORS = ['eas', 'qianfan', 'modelarts', 'alayanew', 'facet'] as const
export type Vendor = (typeof VENDORS)[number]
