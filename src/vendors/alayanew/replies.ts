import { z } from 'zod'

/** What the service answers, read leniently: unknown fields are passed over, numbers may be strings (reference §1, §6, §7). */

const id = z.union([z.string().min(1), z.number()]).transform(String)
/** Words that may be missing, and of whatever else stands there nothing. */
const optionalText = z
  .string()
  .nullish()
  .catch(undefined)
  .transform((text) => text || undefined)

export const Row = z.object({
  id,
  name: z.string(),
  status: z
    .string()
    .nullish()
    .transform((status) => status ?? ''),
  reason: optionalText,
  message: optionalText,
})
export type Row = z.infer<typeof Row>

/** `totalRows` is the full count. */
export const List = z.object({ records: z.array(Row), totalRows: z.coerce.number().int().min(0) })

/** The id of a new job, in any of the three ways in which it may stand (§5). */
export const Created = z.union([
  id,
  z.object({ id }).transform((data) => data.id),
  z.object({ instanceId: id }).transform((data) => data.instanceId),
])

const Pod = z.union([
  z.object({ podName: z.string().min(1) }).transform(({ podName }) => podName),
  z.object({ name: z.string().min(1) }).transform(({ name }) => name),
  z.string().min(1),
])
export const Pods = z.union([z.array(Pod), z.object({ records: z.array(Pod) }).transform(({ records }) => records)])

export const Log = z.object({ lines: z.array(z.string()) })

export const Products = z.array(
  z.object({
    productCode: z.string().nullish(),
    name: z.string().nullish(),
    gpuName: z.string().nullish(),
    gpuCount: z.coerce.string().nullish(),
    cpuCores: z.coerce.string().nullish(),
    memoryGB: z.coerce.string().nullish(),
  }),
)
export type Product = z.infer<typeof Products>[number]
