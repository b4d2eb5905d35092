/**
 * Saving and loading of states in the safetensors format.
 * @module io
 */
export { FormatError } from "@sconce/core";
export { load, type StateSource, save } from "./file.js";
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsArray,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsFile,
  type SafetensorsTensor,
} from "./safetensors.js";
export { deserialize, type State, serialize } from "./state.js";
