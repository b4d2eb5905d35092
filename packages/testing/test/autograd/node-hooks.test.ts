import "@sconce/backend-cpu";
import "@sconce/autograd";
import {
  detectAnomaly,
  enableGrad,
  Function,
  type FunctionContext,
  grad,
  graph,
  inferenceMode,
  isAnomalyEnabled,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  onceDifferentiable,
} from "@sconce/autograd";
import { grad as gradOf, vmap } from "@sconce/autograd/func";
import { randn, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const leaf = (data: number | number[]): Tensor => tensor(data, { requiresGrad: true });
const list = (t: Tensor | null): unknown => (t === null ? null : t.tolistSync());

describe("hooks on nodes", () => {
  it("see and replace gradients after the node", () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const y = a.mul(b);
    const seen: unknown[] = [];
    const node = y.gradFn;
    const handle = node?.registerHook((inputs, outputs) => {
      seen.push(inputs.map(list), outputs.map(list));
      return [inputs[0]?.mul(10) ?? null, null];
    });
    y.sum().backward({ retainGraph: true });
    expect(seen).toEqual([
      [
        [3, 4],
        [1, 2],
      ],
      [[1, 1]],
    ]);
    expect([list(a.grad), b.grad]).toEqual([[30, 40], null]);
    handle?.remove();
    y.sum().backward();
    expect(list(b.grad)).toEqual([1, 2]);
  });

  it("see and replace gradients before the node", () => {
    const x = leaf([1, 2]);
    const y = x.square();
    y.gradFn?.registerPrehook(([g]) => [g?.mul(3) ?? null]);
    y.sum().backward();
    expect(list(x.grad)).toEqual([6, 12]);
  });

  it("get one input twice", () => {
    const x = leaf([1, 2]);
    const y = x.mul(x);
    y.gradFn?.registerHook((inputs) => void expect(inputs.map(list)).toEqual([list(x.detach()), list(x.detach())]));
    y.sum().backward();
    expect(list(x.grad)).toEqual([2, 4]);
  });

  it("check what comes back", () => {
    const y = leaf([1, 2]).square();
    y.gradFn?.registerHook(() => []);
    expect(() => y.sum().backward()).toThrow("expected the hook to return 1 gradients, got 0");
    const z = leaf([1, 2]).square();
    z.gradFn?.registerHook(() => [zeros([3])]);
    expect(() => z.sum().backward()).toThrow("invalid gradient");
  });

  it("keep notes, and name what stands for several", () => {
    const y = leaf([1, 2]).square();
    if (y.gradFn) y.gradFn.metadata.where = "here";
    expect(y.gradFn?.metadata).toEqual({ where: "here" });
    const joined = leaf([1, 2]).std();
    expect(() => joined.gradFn?.registerHook(() => null)).toThrow("stands for several steps");
  });

  it("may keep what they see", () => {
    const x = leaf([1, 2]);
    const kept: (Tensor | null)[] = [];
    const y = x.exp();
    y.gradFn?.registerHook((inputs, outputs) => void kept.push(...inputs, ...outputs));
    y.mul(2).sum().backward();
    expect(kept.map(list)[1]).toEqual([2, 2]);
    expect(kept[0]?.allcloseSync(x.detach().exp().mul(2))).toBe(true);
  });
});

describe("hooks on tensors", () => {
  it("run after the gradient of a leaf was added", () => {
    const w = leaf([1, 2]);
    const handle = w.registerPostAccumulateGradHook((p) => {
      noGrad(() => p.sub_((p.grad as Tensor).mul(0.5)));
      p.grad = null;
    });
    w.square().sum().backward();
    expect([list(w.detach()), w.grad]).toEqual([[0, 0], null]);
    handle.remove();
    w.sum().backward();
    expect(list(w.grad)).toEqual([1, 1]);
    const clearing = w.registerPostAccumulateGradHook((p) => p.zeroGrad());
    w.sum().backward();
    w.sum().backward();
    expect(w.grad).toBeNull();
    clearing.remove();
    expect(() => w.mul(2).registerPostAccumulateGradHook(() => {})).toThrow("cannot be registered on non-leaf tensors");
  });

  it("run once for several tensors, in each walk", () => {
    const [a, b, c] = [leaf(1), leaf(2), leaf(3)];
    const calls: unknown[] = [];
    const handle = graph.registerMultiGradHook([a, b, c], (grads) => void calls.push(grads.map(list)));
    a.mul(b).add(c).backward();
    a.mul(5).add(b).backward();
    expect(calls).toEqual([
      [2, 1, 1],
      [5, 1, null],
    ]);
    handle.remove();
    a.mul(2).backward();
    expect(calls.length).toBe(2);
    let any = 0;
    graph.registerMultiGradHook([a, b], () => any++, { mode: "any" });
    a.mul(b).backward();
    expect(any).toBe(1);
    expect(() => graph.registerMultiGradHook([tensor(1)], () => {})).toThrow("require gradients");
  });

  it("tensors know which output they are", () => {
    const [first, second] = leaf([1, 2, 3, 4]).chunk(2);
    expect([first.outputNr, second.outputNr, leaf(1).outputNr]).toEqual([0, 1, 0]);
  });
});

describe("options of grad", () => {
  it("zeros for what is not used", () => {
    const [x, y] = [leaf([1, 2]), leaf([3])];
    const [dx, dy] = grad(x.sum(), [x, y], { materializeGrads: true });
    expect([list(dx), list(dy)]).toEqual([[1, 1], [0]]);
    expect(() => grad(x.sum(), [x, y], { materializeGrads: true, allowUnused: false })).toThrow("materializeGrads=true");
  });

  it("batches of gradients", () => {
    const x = leaf([1, 2]);
    const [rows] = grad(x.square(), x, {
      gradOutputs: tensor([
        [1, 0],
        [0, 1],
      ]),
      isGradsBatched: true,
    });
    expect(list(rows)).toEqual([
      [2, 0],
      [0, 4],
    ]);
    expect(() => grad(x.sum(), x, { isGradsBatched: true })).toThrow("isGradsBatched");
  });
});

describe("modes", () => {
  it("say whether they are on", () => {
    expect(inferenceMode(() => [isInferenceModeEnabled(), isGradEnabled()])).toEqual([true, false]);
    expect([isInferenceModeEnabled(), isAnomalyEnabled()]).toEqual([false, false]);
    expect(detectAnomaly(isAnomalyEnabled)).toBe(true);
    {
      using _ = inferenceMode();
      expect(isInferenceModeEnabled()).toBe(true);
    }
    expect(isInferenceModeEnabled()).toBe(false);
  });

  it("interleaved regions are reported, and leave recording as it was before them", () => {
    const first = noGrad();
    const second = enableGrad();
    expect(() => first[Symbol.dispose]()).toThrow("interleaved async task");
    expect(isGradEnabled()).toBe(true);
    second[Symbol.dispose]();
    expect(isGradEnabled()).toBe(true);
  });

  it("an error of backward names the open region", () => {
    const x = leaf([1]);
    using _ = noGrad();
    const y = x.mul(2).sum();
    expect(() => y.backward()).toThrow("a noGrad() region is open");
  });
});

class Cube extends Function {
  static forward(ctx: FunctionContext, x: Tensor, scale: number): Tensor {
    ctx.saveForBackward(x);
    ctx.scale = scale;
    return x.pow(3).mul(scale);
  }

  static backward(ctx: FunctionContext, g: Tensor): [Tensor, null] {
    const [x] = ctx.savedTensors;
    return [g.mul(x.square()).mul(3 * (ctx.scale as number)), null];
  }
}

describe("functions of the user's", () => {
  it("may keep their context apart", () => {
    class Square extends Function {
      static forward(x: Tensor): Tensor {
        return x.square();
      }
      static setupContext(ctx: FunctionContext, [x]: readonly [Tensor], _output: Tensor): void {
        ctx.saveForBackward(x);
      }
      static backward(ctx: FunctionContext, g: Tensor): Tensor {
        return g.mul(ctx.savedTensors[0]).mul(2);
      }
    }
    const x = leaf([1, 2]);
    (Square as unknown as { apply(x: Tensor): Tensor }).apply(x).sum().backward();
    expect(list(x.grad)).toEqual([2, 4]);
  });

  it("may change arguments in place", () => {
    class Double extends Function {
      static forward(ctx: FunctionContext, x: Tensor): Tensor {
        ctx.markDirty(x);
        return x.mul_(2);
      }
      static backward(_ctx: FunctionContext, g: Tensor): Tensor {
        return g.mul(2);
      }
    }
    const x = leaf([1, 2]);
    const y = x.mul(1);
    const view = y.select(0, 1);
    expect(Double.apply(y)).toBe(y);
    expect(y.gradFn?.name).toBe("DoubleBackward");
    y.add(view).sum().backward();
    expect(list(x.grad)).toEqual([2, 6]);
    expect(() => Double.apply(leaf([1]))).toThrow("a leaf Variable that requires grad");
  });

  it("may be differentiable once", () => {
    class Once extends Function {
      static forward(ctx: FunctionContext, x: Tensor): Tensor {
        ctx.saveForBackward(x);
        return x.square();
      }
      static readonly backward = onceDifferentiable((ctx: FunctionContext, g: Tensor) => g.mul(ctx.savedTensors[0]).mul(2));
    }
    const x = leaf([3]);
    const [dx] = grad(Once.apply(x).square().sum(), x, { createGraph: true });
    expect(list(dx)).toEqual([108]);
    expect(() => grad(dx.mul(x).sum(), x)).toThrow("differentiate twice");
  });

  it("run inside of vmap, with gradients from inside and outside", () => {
    const x = randn([3, 4], { dtype: "float64" });
    const w = randn([4], { dtype: "float64" });
    const fn = (a: Tensor, b: Tensor): Tensor => Cube.apply(a.mul(b), 2).sum();
    const plain = (a: Tensor, b: Tensor): Tensor => a.mul(b).pow(3).mul(2).sum();
    expect(vmap(fn, { inDims: [0, null] })(x, w).allcloseSync(vmap(plain, { inDims: [0, null] })(x, w))).toBe(true);
    const inside = vmap(gradOf(fn, { argnums: 1 }), { inDims: [0, null] })(x, w);
    expect(inside.allcloseSync(vmap(gradOf(plain, { argnums: 1 }), { inDims: [0, null] })(x, w))).toBe(true);
    const outside = gradOf((b: Tensor) => vmap((a: Tensor) => Cube.apply(b, 2).mul(a).sum())(x).sum())(w);
    expect(outside.allcloseSync(gradOf((b: Tensor) => x.mul(b.pow(3).mul(2)).sum())(w))).toBe(true);
    const shared = gradOf((b: Tensor) => vmap(fn, { inDims: [0, null] })(x, b).sum())(w);
    expect(shared.allcloseSync(gradOf((b: Tensor) => plain(x, b))(w))).toBe(true);
    const twice = vmap(gradOf(gradOf((a: Tensor) => Cube.apply(a, 1).sum())))(w);
    expect(twice.allcloseSync(w.mul(6))).toBe(true);
  });
});
