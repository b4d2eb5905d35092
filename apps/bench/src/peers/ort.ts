/** ONNX Runtime, in either of its packages. */
import type { InferenceSession, Tensor } from "onnxruntime-web";
import { digest } from "../work.js";
import { modelOf } from "./onnx.js";
import type { Runner, Setting } from "./runner.js";

/** What the packages have in common. */
export interface Ort {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<Pick<InferenceSession, "run" | "release">>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
}

/** Makes a runner of a package that is set up for the number of threads. */
export function ortRunner(ort: Ort, { threads }: Setting, provider: string, versions: Runner["versions"]): Runner {
  return {
    versions,
    prepare: async (work) => {
      const { bytes, feeds, output } = modelOf(work);
      const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider], intraOpNumThreads: threads });
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([name, { data, shape }]) => [name, new ort.Tensor("float32", data as Float32Array, shape)]),
      );
      const step = async (): Promise<Float32Array> => (await session.run(inputs))[output].data as Float32Array;
      return { step, check: async () => digest(await step()), dispose: () => void session.release() };
    },
  };
}
