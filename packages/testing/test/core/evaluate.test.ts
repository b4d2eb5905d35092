import { CpuBackend } from "@sconce/backend-cpu";
import {
  apply,
  applyAll,
  type Backend,
  type KernelName,
  type Kernels,
  memory,
  mutate,
  realiseAll,
  type Spec,
  Storage,
  scope,
  settledValue,
  type Tensor,
  tensorOf,
  tensorOver,
  type View,
} from "@sconce/core";
import { describe, expect, it } from "vitest";

/** A CPU backend that writes down which kernels it ran, with the numbers of inputs and outputs. */
class Recorder extends CpuBackend {
  readonly log: string[] = [];

  override run<K extends KernelName>(
    kernel: K,
    inputs: readonly View[],
    outputs: readonly Spec[],
    attrs: Kernels[K],
  ): ReturnType<Backend["run"]> {
    this.log.push(`${kernel} ${inputs.length}>${outputs.length}`);
    return super.run(kernel, inputs, outputs, attrs);
  }
}

function make(backend: Backend, shape: number[], data: number[]): Tensor {
  return tensorOf(settledValue(backend, shape, "float32", backend.upload(Float32Array.from(data), "float32")));
}

const numbers = (t: Tensor): number[] => [...(t.dataSync() as Float32Array)];

describe("deferred elementwise work", () => {
  it("runs a chain of scalar ops as one kernel when it is read", () => {
    const backend = new Recorder();
    const x = make(backend, [2, 2], [1, -2, 3, -4]);
    const y = apply("relu", [apply("add", [x, make(backend, [2], [1, 1])], null)], null);
    expect(backend.log).toEqual([]);
    expect(numbers(y)).toEqual([2, 0, 4, 0]);
    expect(backend.log).toEqual(["elementwise 2>1"]);
  });

  it("writes out what a tape keeps in the same kernel", () => {
    const backend = new Recorder();
    const x = make(backend, [2], [1, 2]);
    const kept = apply("exp", [x], null);
    kept.storage.value.saved = 1;
    numbers(apply("neg", [kept], null));
    expect(backend.log).toEqual(["elementwise 1>2"]);
    numbers(kept);
    expect(backend.log).toHaveLength(1);
  });

  it("writes out what is read a second time", () => {
    const backend = new Recorder();
    const shared = apply("exp", [make(backend, [2], [0, 1])], null);
    const sum = apply("add", [apply("neg", [shared], null), apply("abs", [shared], null)], null);
    expect(numbers(sum)).toEqual([0, 0]);
    expect(backend.log).toEqual(["elementwise 1>2"]);
  });

  it("takes an expression over as the prologue of a reduction", () => {
    const backend = new Recorder();
    const x = make(backend, [3], [1, 2, 3]);
    const total = apply("reduce", [apply("square", [x], null)], { op: "sum", dims: [0], keepdim: false });
    expect(numbers(total)).toEqual([14]);
    expect(backend.log).toEqual(["reduce 1>1"]);
  });

  it("reads a transposed pending tensor after computing it in its own order", () => {
    const backend = new Recorder();
    const x = apply("neg", [make(backend, [2, 3], [1, 2, 3, 4, 5, 6])], null);
    const t = apply("permute", [x], { dims: [1, 0] });
    expect(numbers(apply("neg", [t], null))).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("does not mix up a reshaped pending tensor with its own shape", () => {
    const backend = new Recorder();
    const x = apply("add", [make(backend, [2, 3], [1, 2, 3, 4, 5, 6]), make(backend, [3], [10, 20, 30])], null);
    const flat = apply("reshape", [x], { shape: [6] });
    expect(numbers(apply("neg", [flat], null))).toEqual([-11, -22, -33, -14, -25, -36]);
  });

  it("survives a chain far beyond what one kernel holds", () => {
    const backend = new Recorder();
    let x = make(backend, [2], [0, 1]);
    for (let i = 0; i < 20_000; i++) x = apply("add", [x, x.newFull([], 1)], null);
    expect(numbers(x)).toEqual([20_000, 20_001]);
    expect(backend.log.length).toBeLessThan(20_000 / 20);
  });

  it("computes the same op by op with maxExpr = 1", () => {
    const eager = new Recorder();
    Object.assign(eager, { limits: { ...eager.limits, maxExpr: 1 } });
    const x = make(eager, [2], [1, -1]);
    const y = apply("relu", [apply("neg", [x], null)], null);
    expect(eager.log).toEqual(["elementwise 1>1", "elementwise 1>1"]);
    expect(numbers(y)).toEqual([0, 1]);
  });

  it("realises several tensors of one shape together", () => {
    const backend = new Recorder();
    const x = make(backend, [2], [1, 2]);
    const a = apply("neg", [x], null);
    const b = apply("exp", [a], null);
    realiseAll([a, b]);
    expect(backend.log).toEqual(["elementwise 1>2"]);
  });

  it("realises tensors of several shapes in one kernel for each", () => {
    const backend = new Recorder();
    const x = apply("neg", [make(backend, [2], [1, 2])], null);
    const y = apply("neg", [make(backend, [3], [1, 2, 3])], null);
    const z = apply("exp", [x], null);
    realiseAll([x, y, z]);
    expect(backend.log).toEqual(["elementwise 1>2", "elementwise 1>1"]);
  });

  it("does not write out what only the kernel itself used", () => {
    const backend = new Recorder();
    const x = make(backend, [2], [1, 2]);
    const sum = scope(() => {
      const shared = apply("exp", [x], null);
      return apply("add", [apply("neg", [shared], null), apply("abs", [shared], null)], null);
    });
    expect(numbers(sum)).toEqual([0, 0]);
    expect(backend.log).toEqual(["elementwise 1>1"]);
  });

  it("counts what an expression shares once against the limits of a kernel", () => {
    const backend = new Recorder();
    const [a, b] = [make(backend, [2], [1, 2]), make(backend, [2], [3, 4])];
    let x = apply("add", [a, b], null);
    // Each step reads x twice, so that a tree would have 2^12 leaves.
    for (let i = 0; i < 12; i++) x = apply("maximum", [apply("mul", [x, a], null), apply("sub", [x, b], null)], null);
    expect(backend.log).toEqual([]);
    let expected = [4, 6];
    for (let i = 0; i < 12; i++) expected = expected.map((v, j) => Math.max(v * (j + 1), v - (j + 3)));
    expect(numbers(x)).toEqual(expected);
    expect(backend.log).toHaveLength(1);
  });
});

describe("the limit of a device on inputs", () => {
  /** A sum of products of one tensor, whose parts can be written out by themselves. */
  function partsAndSum(backend: Recorder): [Tensor[], Tensor] {
    Object.assign(backend, { limits: { ...backend.limits, maxInputs: 5 } });
    const x = make(backend, [4], [2, 2, 2, 2]);
    const parts = [1, 2, 3, 4, 5, 6, 7, 8].map((k) => x.add(x.mul(k)));
    return [parts, parts.reduce((sum, part) => sum.add(part))];
  }
  const most = ({ log }: Recorder): number =>
    Math.max(...log.map((line) => Number(/ (\d+)>/.exec(line)?.[1]) + Number(line.split(">")[1])));

  it("holds for an expression whose parts were written out after it was made", () => {
    const backend = new Recorder();
    const [parts, sum] = partsAndSum(backend);
    for (const part of parts) part.dataSync();
    expect([...sum.dataSync()]).toEqual([88, 88, 88, 88]);
    expect(most(backend)).toBeLessThanOrEqual(5);
  });

  it("holds for a reduction over such an expression", () => {
    const backend = new Recorder();
    const [parts, sum] = partsAndSum(backend);
    for (const part of parts) part.dataSync();
    expect(sum.sum().itemSync()).toBe(352);
    expect(most(backend)).toBeLessThanOrEqual(5);
  });
});

describe("values and storages", () => {
  it("copies a tensor only when one of the copies is written", () => {
    const backend = new Recorder();
    const x = make(backend, [2], [1, 2]);
    const copy = x.clone();
    mutate(copy, apply("neg", [copy], null));
    expect(numbers(x)).toEqual([1, 2]);
    expect(numbers(copy)).toEqual([-1, -2]);
  });

  it("lets every view of a storage see a write through one of them", () => {
    const backend = new Recorder();
    const x = make(backend, [2, 3], [1, 2, 3, 4, 5, 6]);
    const column = apply("select", [x], { dim: 1, index: 1 });
    mutate(column, apply("neg", [column], null));
    expect(numbers(x)).toEqual([1, -2, 3, 4, -5, 6]);
    expect(column.storage.version).toBe(1);
  });

  it("keeps the old value for expressions made before a write", () => {
    const backend = new Recorder();
    const x = make(backend, [2], [1, 2]);
    const before = apply("neg", [x], null);
    const part = apply("slice", [x], { dim: 0, start: 0, step: 1, length: 1 });
    mutate(part, x.newFull([1], 9));
    expect(numbers(before)).toEqual([-1, -2]);
    expect(numbers(x)).toEqual([9, 2]);
  });

  it("refuses a write through a stretched view", () => {
    const backend = new Recorder();
    const x = make(backend, [1, 2], [1, 2]);
    const wide = apply("expand", [x], { shape: [3, 2] });
    expect(() => mutate(wide, wide.newFull([3, 2], 0))).toThrow(
      /more than one element of the written-to tensor refers to a single memory location/,
    );
  });

  it("frees a buffer with its last owner", () => {
    const backend = new Recorder();
    const before = memory().bytes;
    const x = make(backend, [1000], new Array(1000).fill(1));
    expect(memory().bytes - before).toBe(4000);
    const y = apply("neg", [x], null);
    x.dispose();
    expect(memory().bytes - before).toBe(4000);
    expect(y.dataSync()[0]).toBe(-1);
    expect(memory().bytes - before).toBe(4000);
    y.dispose();
    expect(memory().bytes).toBe(before);
    expect(() => y.dataSync()).toThrow(/freed by its dispose\(\)/);
  });

  it("gives several results of one kernel storages of their own", () => {
    const backend = new Recorder();
    const [values, positions] = applyAll("sort", [make(backend, [3], [3, 1, 2])], { dim: 0, descending: false });
    expect(numbers(values)).toEqual([1, 2, 3]);
    expect([...positions.dataSync()]).toEqual([1, 2, 0]);
  });

  it("counts a version for each write of a shared cell", () => {
    const backend = new Recorder();
    const storage = new Storage(settledValue(backend, [2], "float32", backend.upload(Float32Array.of(1, 2), "float32")));
    const a = tensorOver(storage, { shape: [2], strides: [1], offset: 0 });
    mutate(a, apply("neg", [a], null));
    mutate(a, apply("neg", [a], null));
    expect(storage.version).toBe(2);
    expect(numbers(a)).toEqual([1, 2]);
  });
});
