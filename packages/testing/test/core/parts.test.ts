import { createCpuBackend } from "@sconce/backend-cpu";
import { convolution, cpuBackend, dense, type KernelPart, ordering, recurrence, transformer } from "@sconce/backend-cpu/parts";
import "@sconce/autograd";
import { type Backend, type KernelName, manualSeed, NotSupportedError, ones, randn, registerBackend, type Tensor } from "@sconce/core";
import { conv2d, layerNorm, maxPool2d } from "@sconce/core/nn";
import { CrossEntropyLoss, functional as F, Linear, LSTM, ReLU, Sequential } from "@sconce/nn";
import { Adam } from "@sconce/optim";
import { afterAll, describe, expect, it } from "vitest";

const KINDS = [
  ["WebAssembly", false],
  ["the reference kernels", true],
] as const;

afterAll(() => registerBackend(createCpuBackend()));

function use(parts: readonly KernelPart[], reference: boolean): Backend {
  const backend = cpuBackend(parts, { reference });
  registerBackend(backend);
  return backend;
}

/** Losses of five steps. */
function train(): number[] {
  manualSeed(3);
  const net = new Sequential(new Linear(6, 8), new ReLU(), new Linear(8, 3));
  const optimizer = new Adam(net.parameters(), { lr: 0.1 });
  const [x, y] = [randn([12, 6]), ones([12]).int()];
  return Array.from({ length: 5 }, () => {
    optimizer.zeroGrad();
    const loss = new CrossEntropyLoss()(net(x), y);
    loss.backward();
    optimizer.step();
    return loss.itemSync() as number;
  });
}

/** Ops that have kernels of their own, from a fixed seed. */
function fused(): Tensor[] {
  manualSeed(4);
  const [q, k, v] = [randn([2, 5, 4]), randn([2, 5, 4]), randn([2, 5, 4], { requiresGrad: true })];
  const attended = F.scaledDotProductAttention(q, k, v);
  const normalised = layerNorm(attended, [4], { weight: ones([4]) });
  const [steps] = new LSTM(4, 3, { batchFirst: true })(normalised);
  steps.square().sum().backward();
  return [attended, normalised, steps, v.grad as Tensor];
}

describe.each(KINDS)("a CPU backend of parts on %s", (_, reference) => {
  it("trains a network of matrix products with the dense part alone", () => {
    registerBackend(createCpuBackend({ reference }));
    const whole = train();
    use([dense], reference);
    expect(train()).toEqual(whole);
  });

  it("refuses what it has no kernel for, and says where it is", () => {
    use([dense], reference);
    const x = ones([1, 1, 4, 4]);
    expect(() => conv2d(x, ones([1, 1, 2, 2])).dataSync()).toThrow(NotSupportedError);
    expect(() => maxPool2d(x, 2).dataSync()).toThrow("give cpuBackend the part `convolution` too");
    expect(() => ones(3).sort().values.dataSync()).toThrow("give cpuBackend the part `ordering` too");
    use([convolution], reference);
    expect(() =>
      ones([2, 2])
        .mm(ones([2, 2]))
        .dataSync(),
    ).toThrow("give cpuBackend the part `dense` too");
    use([dense, ordering], reference);
    expect(ones(3).cumsum(0).tolistSync()).toEqual([1, 2, 3]);
    use([dense, convolution], reference);
    expect(
      conv2d(ones([1, 1, 4, 4]), ones([1, 1, 2, 2]))
        .sum()
        .itemSync(),
    ).toBe(36);
  });

  it("composes fused ops whose part is missing, to the same numbers", () => {
    use([dense, transformer, recurrence], reference);
    const whole = fused().map((x) => [...x.dataSync()] as number[]);
    const { decomposed } = use([dense], reference);
    const names = Object.keys({ ...transformer, ...recurrence }) as KernelName[];
    expect(names.filter((name) => decomposed?.has(name) !== true)).toEqual([]);
    fused().forEach((x, i) => {
      ([...x.dataSync()] as number[]).forEach((value, j) => expect(value).toBeCloseTo(whole[i][j], 5));
    });
  });
});
