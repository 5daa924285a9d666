import { easFacade } from '../vendors/eas/facade.js'
import type { Facade } from './facade.js'

/** The vendors that are served. One line each; the first one answers for paths that are nobody's. */
export const FACADES: readonly Facade<unknown>[] = [easFacade as Facade<unknown>]
