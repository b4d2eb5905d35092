import { fromTypedArray, manualSeed, nn, noGrad, ones, optim, randn, type Tensor, tensor } from "sconce";
import { describe, expect, it } from "vitest";
import {
  byHand,
  ManualLinearRegression,
  makeTrainStep,
  withAutograd,
  withLoss,
  withModule,
  withOptimizer,
} from "../../../../docs/tutorials/09-linear-regression.js";
import type { GoldenTensor } from "../../src/index.js";
import { load, readSeed } from "../seeds/trajectory.js";
import { expectClose, expectRelative, list, otherDevice } from "./helpers.js";

interface Regression {
  readonly x_train: GoldenTensor;
  readonly y_train: GoldenTensor;
  readonly x_train_float64: readonly number[];
  readonly y_train_float64: readonly number[];
  readonly numpy: {
    readonly init_a: number;
    readonly init_b: number;
    readonly a: number;
    readonly b: number;
  };
  readonly torch_manual: { readonly a: number; readonly b: number };
}

const golden = await readSeed<Regression>("08_linear_regression");
const points = { x: load(golden.x_train), y: load(golden.y_train) };
const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

describe("tutorial 002: linear regression step by step", () => {
  it("S002-02 gradient descent by hand in float64 gives numpy's line", async () => {
    const column = (values: readonly number[]): Tensor => tensor(values, { dtype: "float64" }).view(-1, 1);
    const { init_a, init_b, a, b } = golden.numpy;
    const data = { x: column(golden.x_train_float64), y: column(golden.y_train_float64) };
    const start = [init_a, init_b].map((value) => tensor([value], { dtype: "float64" }));
    const fit = await byHand(data, start[0], start[1]);
    expectRelative(fit.a, a, 1e-12);
    expectRelative(fit.b, b, 1e-12);
  });

  it("S002-04 fromTypedArray shares a Float64Array as float64 and refuses other things", () => {
    const array = new Float64Array([1, 2]);
    const t = fromTypedArray(array);
    expect(t.dtype).toBe("float64");
    array[0] = 5;
    expect(list(t)).toEqual([5, 2]);
    expect(() => fromTypedArray([1, 2] as unknown as Float32Array)).toThrow(/expected a Float32Array.*got Array/);
  });

  it("S002-05 to() a device copies there, or is the tensor itself if it is there", () => {
    const device = otherDevice();
    const x = tensor([1, 2]);
    const moved = x.to(device);
    expect(moved.device).toBe(device);
    expect(list(moved)).toEqual([1, 2]);
    expect(x.to("cpu")).toBe(x);
  });

  it("S002-06 float() makes float64 float32", () => {
    expect(tensor([1], { dtype: "float64" }).float().dtype).toBe("float32");
  });

  it("S002-07 type() is PyTorch's name of the type", () => {
    expect(tensor([1]).type()).toBe("torch.FloatTensor");
    expect(tensor([1]).double().type()).toBe("torch.DoubleTensor");
    expect(tensor([1n]).type()).toBe("torch.LongTensor");
  });

  it("S002-08 cpu() brings a tensor back, and typedArray() is its memory; not while it wants gradients", () => {
    const x = tensor([1, 2]).to(otherDevice());
    expect([...(x.cpu().typedArray() as Float32Array)]).toEqual([1, 2]);
    expect(() => leaf(1).typedArray()).toThrow(/detach\(\)/);
    expect([...(leaf(1).detach().typedArray() as Float32Array)]).toEqual([1]);
  });

  it("S002-09 a random leaf prints PyTorch's number for the seed", () => {
    manualSeed(42);
    const a = randn([1], { requiresGrad: true, dtype: "float32" });
    expect(a.isLeaf).toBe(true);
    expect(String(a)).toBe("tensor([0.3367], requiresGrad=true)");
  });

  it("S002-10 moving a leaf gives a result that is no leaf, unless nothing changes", () => {
    const a = leaf(1);
    const moved = a.to(otherDevice());
    expect([moved.isLeaf, moved.gradFn!.name]).toEqual([false, "ToCopyBackward0"]);
    expect(a.double().gradFn!.name).toBe("ToCopyBackward0");
    expect(a.to("cpu")).toBe(a);
  });

  it("S002-11 requiresGrad_ makes a leaf after moving and returns it", () => {
    const a = randn([1]).to(otherDevice());
    expect(a.requiresGrad_()).toBe(a);
    expect([a.requiresGrad, a.isLeaf]).toEqual([true, true]);
  });

  it("S002-12 manualSeed(42) starts PyTorch's CPU stream", () => {
    manualSeed(42);
    expectClose(randn([1]), [0.33669036626815796], 12);
    expectClose(randn([1]), [0.12880940735340118], 12);
  });

  it("S002-13 backward of a loss fills the gradients", () => {
    const w = leaf(3);
    const loss = w.pow(2).sum();
    loss.backward();
    expect(list(w.grad)).toEqual([6]);
  });

  it("S002-14 two backward calls add up; zero_ clears", () => {
    const w = leaf(3);
    w.pow(2).backward();
    w.pow(2).backward();
    expect(list(w.grad)).toEqual([12]);
    w.grad!.zero_();
    expect(list(w.grad)).toEqual([0]);
  });

  it("S002-15 parameters of one element stretch over the data", () => {
    const [a, b] = [leaf(1), leaf(2)];
    const yhat = a.add(b.mul(points.x));
    expect(yhat.shape).toEqual([80, 1]);
    points.y.sub(yhat).pow(2).mean().backward();
    expect([a.grad!.shape, b.grad!.shape]).toEqual([[1], [1]]);
  });

  it("S002-16 assigning the result of an update loses the leaf and its gradient", () => {
    let a = leaf(3);
    a.pow(2).backward();
    a = a.sub(a.grad!.mul(0.1));
    expect([a.isLeaf, a.grad]).toEqual([false, null]);
    expect(() => a.grad!.zero_()).toThrow(TypeError);
  });

  it("S002-17 a leaf that wants gradients refuses in-place updates while recording", () => {
    const a = leaf(3);
    a.pow(2).backward();
    expect(() => a.sub_(a.grad!)).toThrow(/a leaf Variable that requires grad is being used in an in-place operation/);
  });

  it("S002-18 updates under noGrad find the line", async () => {
    const fit = await withAutograd(points);
    expect([fit.a.toFixed(4), fit.b.toFixed(4)]).toEqual(["1.0235", "1.9690"]);
    const a = leaf(1.0235);
    expect(String(a)).toBe("tensor([1.0235], requiresGrad=true)");
  });

  it("S002-20 tensors that want no gradient are not in the graph", () => {
    const [a, b] = [leaf(1), leaf(2)];
    const add = a.add(b.mul(points.x)).gradFn!;
    expect(add.name).toBe("AddBackward0");
    const [[first], [second]] = add.nextFunctions;
    expect([first!.name, first!.variable]).toEqual(["AccumulateGrad", a]);
    expect(second!.name).toBe("MulBackward0");
    expect(second!.nextFunctions.map(([node]) => node?.variable ?? null)).toEqual([b, null]);
  });

  it("S002-21 an operand without gradient leaves a place with null", () => {
    const yhat = tensor([1]).add(leaf(2).mul(points.x));
    expect(yhat.gradFn!.nextFunctions[0]).toEqual([null, 0]);
    expect(yhat.gradFn!.nextFunctions[1][0]!.name).toBe("MulBackward0");
  });

  it("S002-22 SGD takes bare tensors and finds the same line", async () => {
    const fit = await withOptimizer(points);
    expectRelative(fit.a, golden.torch_manual.a, 1e-5);
    expectRelative(fit.b, golden.torch_manual.b, 1e-5);
  });

  it("S002-23 MSELoss gives the same value in either order, and the same line", async () => {
    const loss = new nn.MSELoss({ reduction: "mean" });
    const [u, v] = [tensor([1, 2]), tensor([3, 5])];
    expect(list(loss(u, v))).toBe(list(loss(v, u)));
    const fit = await withLoss(points);
    expectRelative(fit.a, golden.torch_manual.a, 1e-5);
    expectRelative(fit.b, golden.torch_manual.b, 1e-5);
  });

  it("S002-24 a Parameter is a leaf and a tensor, found in nested modules", () => {
    const parameter = new nn.Parameter(randn([1], { requiresGrad: true }));
    expect([parameter.isLeaf, parameter.gradFn, parameter.requiresGrad]).toEqual([true, null, true]);
    const inner = new ManualLinearRegression();
    expect(new nn.Sequential(inner).parameters()).toEqual([inner.a, inner.b]);
  });

  it("S002-25 a call runs the hooks and then forward", () => {
    const model = new ManualLinearRegression();
    const seen: string[] = [];
    model.registerForwardPreHook(() => void seen.push("before"));
    model.registerForwardHook(() => void seen.push("after"));
    model.forward(ones([1, 1]));
    expect(seen).toEqual([]);
    model(ones([1, 1]));
    expect(seen).toEqual(["before", "after"]);
  });

  it("S002-26 stateDict() shares memory with the parameters and wants no gradients", () => {
    manualSeed(42);
    const model = new ManualLinearRegression();
    const state = model.stateDict();
    expect(Object.entries(state).map(([key, value]) => `${key} ${value}`)).toEqual(["a tensor([0.3367])", "b tensor([0.1288])"]);
    expect(state.a.requiresGrad).toBe(false);
    noGrad(() => model.a.fill_(7));
    expect(list(state.a)).toEqual([7]);
  });

  it("S002-27 a model and its data have to be on the same device", () => {
    const device = otherDevice();
    const model = new ManualLinearRegression().to(device);
    expect(() => model(ones([1, 1]))).toThrow(/[Ee]xpected all tensors to be on the same device/);
    expect(model(ones([1, 1]).to(device)).device).toBe(device);
  });

  it("S002-28 an optimizer takes what parameters() returns", () => {
    const model = new ManualLinearRegression();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    expect(optimizer.paramGroups[0].params).toEqual([model.a, model.b]);
  });

  it("S002-29 train() and eval() reach all modules and return the module", () => {
    const net = new nn.Sequential(new nn.Dropout(0.5), new nn.Sequential(new nn.Dropout(0.5)));
    expect(net.eval()).toBe(net);
    expect(net.modules().map((m) => m.training)).toEqual([false, false, false, false]);
    expect(net.train()).toBe(net);
    expect(net.modules().every((m) => m.training)).toBe(true);
  });

  it("S002-30 a function that makes steps trains a model", async () => {
    const fit = await withModule(points);
    expectRelative(fit.a, golden.torch_manual.a, 1e-5);
    expectRelative(fit.b, golden.torch_manual.b, 1e-5);
    const model = new ManualLinearRegression();
    const step = makeTrainStep(model, new nn.MSELoss(), new optim.SGD(model.parameters(), { lr: 0.1 }));
    const first = await step(points.x, points.y);
    expect(await step(points.x, points.y)).toBeLessThan(first);
  });
});
