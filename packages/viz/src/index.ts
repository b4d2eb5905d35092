/**
 * Pictures of autograd graphs.
 * @module viz
 */
export { Dot, type DotAttributes, type Graphviz } from "./dot.js";
export { type MakeDotOptions, makeDot, type NamedTensors } from "./make-dot.js";
