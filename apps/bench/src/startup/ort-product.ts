/** The first product of ONNX Runtime. */
import { modelOf } from "../peers/onnx.js";
import type { Ort } from "../peers/ort.js";

/** Multiplies a 2x2 matrix by itself and prints the result. */
export async function printProduct(ort: Ort, provider: string): Promise<void> {
  const matrix = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
  const arrays = { a: matrix, b: matrix };
  const { bytes, output } = modelOf({ work: { kind: "matmul", m: 2, n: 2, k: 2, layout: "nn" }, arrays: () => arrays });
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider], intraOpNumThreads: 1 });
  const x = new ort.Tensor("float32", matrix.data, matrix.shape);
  const results = await session.run({ a: x, b: x });
  console.log(results[output].data);
}
