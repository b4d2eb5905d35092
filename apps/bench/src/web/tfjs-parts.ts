/** All of TensorFlow.js that is found by side effects: its flags and gradients. */
import "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
