/**
 * For backends that print kernels as text: expressions, elementary and special functions, windows and addresses, in the words that WGSL
 * and GLSL share. It is GLSL without `?:`, for which `select(no, yes, when)` stands; a backend respells what its language writes otherwise.
 * @module shader
 */

export { beatsText, combineText, orderText, type Reduction, reductionOf } from "./shader/combine.js";
export {
  floatText,
  type Leaves,
  literalText,
  type NumberList,
  type NumberWriter,
  numberTexts,
  printExprs,
  type Uses,
  usesOf,
  writeNumbers,
} from "./shader/expr.js";
export { type Helpers, helpersOf } from "./shader/helpers.js";
export { along, checkIndices, type IndexView, type Picked, pickedFrom, pickText, takesIndices, without } from "./shader/indices.js";
export { type Kind, kindOf, typeOf } from "./shader/kinds.js";
export { type Access, accessOf, type Collapsed, collapse, coordinates, dot, pickDims } from "./shader/layout.js";
export { avgPoolGradText, avgPoolText, maxPoolText, writeAvgPool, writeAvgPoolGrad, writeMaxPool } from "./shader/pool.js";
export { castText, scalarText } from "./shader/scalar.js";
export { HEADER_WORDS, Text } from "./shader/text.js";
export { range, sum, type WindowText, windowParams, windowText } from "./shader/window.js";
export { Words } from "./shader/words.js";
