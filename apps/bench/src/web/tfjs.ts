/** TensorFlow.js with its gradients: all of it, since it finds its parts by side effects. */
import "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";

export { start } from "../peers/tfjs.js";
