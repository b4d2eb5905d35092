import type { DType } from "@sconce/core";
import { describe, it } from "vitest";
import { CpuBackend } from "../../backend.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, runBoth, values } from "../../testing.js";

const backend = new CpuBackend();
const random = generator(31);
const make = (dtype: DType, shape: readonly number[], kind: (typeof LAYOUTS)[number]): HostTensor =>
  hostTensor(dtype, shape, kind, values(dtype, random, 2));

describe("the gradient of softmax agrees with its reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const shape of [[7], [5, 1], [3, 17], [2, 5, 300], [4, 0]]) {
      it(`${dtype} [${shape}]`, () => {
        for (const [dim] of shape.entries()) {
          for (const log of [false, true]) {
            for (const layout of LAYOUTS) {
              const inputs = [make(dtype, shape, layout), make(dtype, shape, layout)];
              const { got, want } = runBoth(backend, "softmaxGrad", inputs, [{ shape, dtype }], { dim, log });
              expectClose(got[0], want[0], dtype === "float32" ? 2e-5 : 1e-13, `${layout} along ${dim}`);
            }
          }
        }
      });
    }
  }
});
