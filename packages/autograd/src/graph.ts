export { type MultiGradHook, type MultiGradOptions, registerMultiGradHook } from "./multi-hook.js";
export {
  disableSavedTensorsHooks,
  SavedTensorsRegion,
  savedTensorsHooks,
  saveOnCpu,
} from "./saved-hooks.js";
