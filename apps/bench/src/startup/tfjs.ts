import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

await tf.setBackend("wasm");
const x = tf.tensor2d([
  [1, 2],
  [3, 4],
]);
console.log(await tf.matMul(x, x).array());
