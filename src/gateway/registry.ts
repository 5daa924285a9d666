import { alayanewFacade } from '../vendors/alayanew/facade.js'
import { facetFacade } from '../vendors/facet/facade.js'
import { modelartsFacade } from '../vendors/modelarts/facade.js'
import { qianfanFacade } from '../vendors/qianfan/facade.js'
import type { Facade } from './facade.js'

/** The vendors that are served. One line each; the first one answers for paths that are nobody's. */
export const FACADES: readonly Facade<unknown>[] = [
  qianfanFacade as Facade<unknown>,
  modelartsFacade as Facade<unknown>,
  alayanewFacade as Facade<unknown>,
  facetFacade as Facade<unknown>,
]
