import { CpuBackend, createCpuBackend } from "@sconce/backend-cpu";
import "@sconce/autograd";
import {
  applyAll,
  type Backend,
  type KernelName,
  memory,
  type NllAttrs,
  randn,
  settledValue,
  type Tensor,
  tensor,
  tensorOf,
} from "@sconce/core";
import { describe, expect, it } from "vitest";

/** A CPU that leaves some kernels to core. */
class Simple extends CpuBackend {
  override readonly decomposed: ReadonlySet<KernelName> = new Set(["nll", "nllGrad"]);
}

const whole: Backend = createCpuBackend();
const simple: Backend = new Simple();

function on(backend: Backend, x: Tensor): Tensor {
  return tensorOf(settledValue(backend, x.shape, x.dtype, backend.upload(x.dataSync(), x.dtype)));
}

describe("decompositions", () => {
  const x = randn([2, 5, 3]);
  const target = tensor(
    [
      [4, 0, 2],
      [2, 3, 1],
    ],
    { dtype: "int32" },
  );

  it.each(["none", "sum", "mean"] as const)("nll with reduction %s equals the kernel, gradient too", (reduction) => {
    const attrs: NllAttrs = { dim: 1, ignoreIndex: 2, reduction };
    const results = [whole, simple].map((backend) => {
      const input = on(backend, x).requiresGrad_();
      const [loss, count] = applyAll("nll", [input, on(backend, target)], attrs, "NllLoss2D");
      expect(loss.gradFn?.name).toBe("NllLoss2DBackward0");
      loss.backward(reduction === "none" ? on(backend, randn([2, 3]).mul(0).add(0.5)) : null);
      return [loss, count, input.grad as Tensor].map((t) => [...(t.dataSync() as Float32Array)]);
    });
    expect(results[0][1]).toEqual([4]);
    for (let i = 0; i < 3; i++) {
      results[0][i].forEach((value, j) => {
        expect(results[1][i][j]).toBeCloseTo(value, 6);
      });
    }
  });

  it("free what they make on the way", () => {
    const input = on(simple, x);
    const classes = on(simple, target);
    const before = memory().buffers;
    const [loss, count] = applyAll("nll", [input, classes], { dim: 1, ignoreIndex: -100, reduction: "mean" });
    loss.dataSync();
    count.dataSync();
    expect(memory().buffers - before).toBeLessThanOrEqual(2);
  });
});
