import "@sconce/backend-cpu";
import "@sconce/autograd";
import { gradcheck, gradgradcheck } from "@sconce/autograd";
import {
  apply,
  applyAll,
  applyFormula,
  applyFused,
  applyHost,
  type Device,
  type FormulaOp,
  type FusedOp,
  type HostOp,
  opExpr,
  type PrimitiveName,
  type Primitives,
  type Shape,
  type Tensor,
  tensor,
} from "@sconce/core";
import { describe, expect, it } from "vitest";
import { RULES } from "../../../autograd/src/rules/index.js";

/** One check: the inputs that get gradients, and the op as a function of them. */
interface Check {
  readonly name?: string;
  readonly inputs: readonly Tensor[];
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** False where a second derivative is not what differences can see. */
  readonly second?: boolean;
}

/** A row for every primitive: checks, or null where nothing is differentiable. */
type Checks = { readonly [K in PrimitiveName]: readonly Check[] | null };

/** Distinct float64 numbers in `[low, high]`, spread without order, that want gradients. */
function spread(shape: Shape, low = -2, high = 2, seed = 1): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  const data = Float64Array.from({ length: size }, (_, i) => {
    const x = Math.sin(78.233 * (i + 1) + 12.9898 * seed) * 43758.5453;
    return low + (high - low) * (x - Math.floor(x));
  });
  return tensor(data).reshape(shape).requiresGrad_();
}

const f64 = (data: number[] | number[][] | number): Tensor => tensor(data, { dtype: "float64" });
const int = (data: number[] | number[][] | number[][][]): Tensor => tensor(data, { dtype: "int32" });

function run<K extends PrimitiveName>(op: K, attrs: Primitives[K], ...fixed: Tensor[]): Check["run"] {
  return (...inputs) => apply(op, [...inputs, ...fixed], attrs);
}

/** A unary op on `[low, high]`. */
function unary(op: PrimitiveName, low = -2, high = 2): readonly Check[] {
  return [{ inputs: [spread([2, 3], low, high)], run: run(op, null as never) }];
}

/** A step function: its derivative is 0. */
function step(op: PrimitiveName): readonly Check[] {
  return [{ inputs: [f64([-1.7, -0.3, 0.4, 1.6]).requiresGrad_()], run: run(op, null as never) }];
}

/** A binary op on equal shapes and on shapes that broadcast both ways. */
function binary(op: PrimitiveName, low = -2, high = 2, low2 = low, high2 = high): readonly Check[] {
  return [
    { name: "same shapes", inputs: [spread([2, 3], low, high), spread([2, 3], low2, high2, 2)], run: run(op, null as never) },
    { name: "broadcast", inputs: [spread([3, 1], low, high), spread([2, 1, 4], low2, high2, 3)], run: run(op, null as never) },
  ];
}

/** A tensor and numbers, on both sides of the kinks. */
function withNumbers(op: PrimitiveName, ...numbers: number[]): readonly Check[] {
  return [{ inputs: [f64([-2.3, -0.6, -0.2, 0.3, 0.7, 1.9]).requiresGrad_()], run: run(op, null as never, ...numbers.map(f64)) }];
}

const conv = { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 } as const;
const pool = { kernel: [2, 2], stride: [2, 1], padding: [0, 1] } as const;
const SQUARE = spread([3, 4], -2, 2, 5);
const CPU = "cpu" as Device;

/** x² y as an op of its own. */
const PRODUCT: FormulaOp = {
  name: "SquareTimes",
  expr: (x, y) => opExpr("mul", x.dtype, [opExpr("mul", x.dtype, [x, x]), y]),
  vjp: ([g], { inputs: [x, y] }) => [g!.mul(x).mul(y).mul(2), g!.mul(x).mul(x)],
};

/** x + y and x y, by the host. */
const SUM_AND_PRODUCT: HostOp<null> = {
  name: "SumAndProduct",
  infer: ([x]) => [x, x],
  run: ([x, y], [sum, product]) => {
    for (let i = 0; i < x.data.length; i++) {
      sum.data[i] = (x.data[i] as number) + (y.data[i] as number);
      product.data[i] = (x.data[i] as number) * (y.data[i] as number);
    }
  },
  vjp: ([g, h], { inputs: [x, y], needs }) => [needs[0] ? g!.add(h!.mul(y)) : null, needs[1] ? g!.add(h!.mul(x)) : null],
};

/** The gradient of softmax with a derivative of its own. */
const GRADIENT: FusedOp<"softmaxGrad"> = {
  name: "SoftmaxBackward",
  kernel: "softmaxGrad",
  results: 1,
  infer: ([g]) => [g],
  composed: ([g, y]) => [y.mul(g.sub(g.mul(y).sum(1, { keepdim: true })))],
  vjp: ([v], { inputs: [g, y] }) => {
    const along = v!.mul(y).sum(1, { keepdim: true });
    const sum = g.mul(y).sum(1, { keepdim: true });
    return [y.mul(v!.sub(along)), v!.mul(g.sub(sum)).sub(g.mul(along))];
  },
};

const sumOf = ([sum, product]: readonly Tensor[]): Tensor => sum.sin().add(product.exp());

const CHECKS: Checks = {
  formula: [{ inputs: [spread([2, 3]), spread([3], 0.5, 2, 2)], run: (x, y) => applyFormula(PRODUCT, x, y) }],
  host: [{ inputs: [spread([2, 3]), spread([2, 3], 0.5, 2, 2)], run: (x, y) => sumOf(applyHost(SUM_AND_PRODUCT, [x, y], null)) }],
  fused: [{ inputs: [spread([2, 3]), spread([2, 3], 0.5, 2, 2)], run: (g, y) => applyFused(GRADIENT, [g, y], { dim: 1, log: false })[0] }],
  neg: unary("neg"),
  abs: withNumbers("abs"),
  sign: step("sign"),
  reciprocal: unary("reciprocal", 0.5, 2),
  sqrt: unary("sqrt", 0.5, 3),
  rsqrt: unary("rsqrt", 0.5, 3),
  exp: unary("exp"),
  expm1: unary("expm1"),
  log: unary("log", 0.5, 3),
  log1p: unary("log1p", -0.5, 3),
  log2: unary("log2", 0.5, 3),
  log10: unary("log10", 0.5, 3),
  sin: unary("sin"),
  cos: unary("cos"),
  tan: unary("tan", -1, 1),
  asin: unary("asin", -0.8, 0.8),
  acos: unary("acos", -0.8, 0.8),
  atan: unary("atan"),
  sinh: unary("sinh"),
  cosh: unary("cosh"),
  tanh: unary("tanh"),
  asinh: unary("asinh"),
  acosh: unary("acosh", 1.3, 3),
  atanh: unary("atanh", -0.8, 0.8),
  sigmoid: unary("sigmoid"),
  erf: unary("erf"),
  erfc: unary("erfc"),
  erfinv: unary("erfinv", -0.8, 0.8),
  lgamma: [...unary("lgamma", 0.3, 4), ...unary("lgamma", -2.8, -2.2)],
  digamma: [...unary("digamma", 0.3, 4), ...unary("digamma", -2.8, -2.2)],
  floor: step("floor"),
  ceil: step("ceil"),
  round: step("round"),
  trunc: step("trunc"),
  bitwiseNot: null,
  cast: [{ name: "to itself", inputs: [spread([2, 3])], run: run("cast", { dtype: "float64" }) }],
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div", -2, 2, 0.5, 2),
  floorDivide: [{ inputs: [f64([5.3, -4.1]).requiresGrad_(), f64([2, 3]).requiresGrad_()], run: run("floorDivide", null) }],
  truncDivide: [{ inputs: [f64([5.3, -4.1]).requiresGrad_(), f64([2, 3]).requiresGrad_()], run: run("truncDivide", null) }],
  remainder: [{ inputs: [f64([5.3, -4.1, 7]).requiresGrad_(), f64([2, 3, -1.9]).requiresGrad_()], run: run("remainder", null) }],
  fmod: [{ inputs: [f64([5.3, -4.1, 7]).requiresGrad_(), f64([2, 3, -1.9]).requiresGrad_()], run: run("fmod", null) }],
  pow: [
    ...binary("pow", 0.5, 2, -1.5, 2),
    ...[0, 1, 2, 3, -1.5].map((n) => ({ name: `number ${n}`, inputs: [spread([4], 0.5, 2)], run: run("pow", null, f64(n)) })),
    { name: "negative base", inputs: [spread([4], -2, -0.5)], run: run("pow", null, f64([3, 2, 1, 0])) },
  ],
  atan2: binary("atan2", 0.3, 2),
  maximum: binary("maximum"),
  minimum: binary("minimum"),
  eq: null,
  ne: null,
  lt: null,
  le: null,
  gt: null,
  ge: null,
  bitwiseAnd: null,
  bitwiseOr: null,
  bitwiseXor: null,
  shiftLeft: null,
  shiftRight: null,
  where: [
    {
      inputs: [spread([2, 3]), spread([3], -2, 2, 2)],
      run: (x, y) => apply("where", [tensor([[true, false, true]]), x, y], null),
    },
  ],
  square: unary("square"),
  relu: withNumbers("relu"),
  reluGrad: binary("reluGrad"),
  gelu: unary("gelu"),
  geluTanh: unary("geluTanh"),
  silu: unary("silu"),
  mish: unary("mish"),
  logSigmoid: unary("logSigmoid"),
  hardswish: [{ inputs: [f64([-4, -2.5, -0.3, 1.2, 2.9, 3.5]).requiresGrad_()], run: run("hardswish", null) }],
  hardsigmoid: [{ inputs: [f64([-4, -2.5, -0.3, 1.2, 2.9, 3.5]).requiresGrad_()], run: run("hardsigmoid", null) }],
  tanhshrink: unary("tanhshrink"),
  leakyRelu: [
    ...withNumbers("leakyRelu", 0.1),
    {
      name: "slope",
      inputs: [
        f64([
          [-1, 2],
          [0.5, -0.7],
        ]).requiresGrad_(),
        f64([0.2, 0.3]).requiresGrad_(),
      ],
      run: run("leakyRelu", null),
    },
  ],
  clampMin: [...withNumbers("clampMin", -0.5), ...binary("clampMin")],
  clampMax: [...withNumbers("clampMax", 0.5), ...binary("clampMax")],
  hardshrink: withNumbers("hardshrink", 0.5),
  softshrink: withNumbers("softshrink", 0.5),
  softplus: withNumbers("softplus", 1.5, 2),
  threshold: withNumbers("threshold", 0.1, 20),
  clamp: [
    ...withNumbers("clamp", -0.5, 0.5),
    {
      name: "tensors",
      inputs: [spread([2, 4]), f64([-0.5, 0.1, 0.9, -1]).requiresGrad_(), f64([0.5, 0.3, -0.9, 1]).requiresGrad_()],
      run: run("clamp", null),
    },
  ],
  elu: withNumbers("elu", 1.3, 0.9),
  xlogy: binary("xlogy", 0.3, 2, 0.5, 2),
  logaddexp: binary("logaddexp"),
  bceWithLogits: binary("bceWithLogits", -2, 2, 0.1, 0.9),
  binaryCrossEntropy: binary("binaryCrossEntropy", 0.1, 0.9, 0.1, 0.9),
  smoothL1: [{ inputs: [spread([2, 4]), spread([4], -2, 2, 2)], run: run("smoothL1", null, f64(0.7)) }],
  huber: [{ inputs: [spread([2, 4]), spread([4], -2, 2, 2)], run: run("huber", null, f64(0.7)) }],
  hypot: binary("hypot", 0.3, 2),
  copysign: [{ inputs: [f64([1.5, -2, 0.7]).requiresGrad_(), f64([-1, 2, -0.4]).requiresGrad_()], run: run("copysign", null) }],
  isnan: null,
  isinf: null,

  reshape: [{ inputs: [spread([2, 6])], run: run("reshape", { shape: [3, 4] }) }],
  permute: [{ inputs: [spread([2, 3, 4])], run: run("permute", { dims: [2, 0, 1] }) }],
  expand: [{ inputs: [spread([3, 1])], run: run("expand", { shape: [2, 3, 4] }) }],
  slice: [
    { name: "step", inputs: [spread([3, 5])], run: run("slice", { dim: 1, start: 1, step: 2, length: 2 }) },
    { name: "reversed", inputs: [spread([3, 5])], run: run("slice", { dim: 1, start: 4, step: -1, length: 5 }) },
    { name: "of a view", inputs: [spread([3, 5])], run: (x) => run("slice", { dim: 0, start: 1, step: 1, length: 3 })(x.t()) },
  ],
  select: [{ inputs: [spread([3, 4])], run: run("select", { dim: 1, index: 2 }) }],
  unsqueeze: [{ inputs: [spread([3, 4])], run: run("unsqueeze", { dim: 1 }) }],
  squeeze: [{ inputs: [spread([3, 1, 4, 1])], run: run("squeeze", { dims: [1, 3] }) }],
  diagonal: [
    { name: "above", inputs: [spread([3, 4])], run: run("diagonal", { offset: 1, dim1: 0, dim2: 1 }) },
    { name: "below, batched", inputs: [spread([2, 3, 4])], run: run("diagonal", { offset: -1, dim1: 1, dim2: 2 }) },
  ],
  unfold: [
    { name: "overlapping", inputs: [spread([2, 6])], run: run("unfold", { dim: 1, size: 3, step: 2 }) },
    { name: "apart", inputs: [spread([6, 2])], run: run("unfold", { dim: 0, size: 2, step: 3 }) },
  ],
  asStrided: [
    { name: "overlapping", inputs: [spread([6])], run: run("asStrided", { shape: [3, 3], strides: [1, 1], offset: 1 }) },
    { name: "apart", inputs: [spread([3, 4])], run: run("asStrided", { shape: [2, 2], strides: [1, 5], offset: 2 }) },
    {
      name: "of a view",
      inputs: [SQUARE],
      run: (x) => apply("asStrided", [x.mul(1).t()], { shape: [2, 3], strides: [3, 2], offset: 1 }),
    },
  ],
  alias: [{ inputs: [spread([3])], run: run("alias", null) }],
  detach: null,

  reduce: [
    { name: "sum", inputs: [spread([2, 3, 2])], run: run("reduce", { op: "sum", dims: [0, 2], keepdim: false }) },
    { name: "sum, kept", inputs: [spread([2, 3])], run: run("reduce", { op: "sum", dims: [1], keepdim: true }) },
    { name: "prod", inputs: [spread([2, 3, 2])], run: run("reduce", { op: "prod", dims: [0, 2], keepdim: false }) },
    {
      name: "prod with a zero",
      inputs: [
        f64([
          [2, 0, 3],
          [0, 0, 5],
          [1, 2, 3],
        ]).requiresGrad_(),
      ],
      run: run("reduce", { op: "prod", dims: [1], keepdim: true }),
    },
    { name: "max", inputs: [spread([3, 4])], run: run("reduce", { op: "max", dims: [0], keepdim: false }) },
    { name: "min", inputs: [spread([3, 4])], run: run("reduce", { op: "min", dims: [0, 1], keepdim: false }) },
  ],
  argReduce: null,
  cumulate: [
    { name: "sum", inputs: [spread([3, 4])], run: run("cumulate", { op: "sum", dim: 1 }) },
    { name: "prod", inputs: [spread([4, 3])], run: run("cumulate", { op: "prod", dim: 0 }) },
    {
      name: "prod with zeros",
      inputs: [
        f64([
          [2, 0, 3, 4],
          [0, 3, 0, 2],
          [1, 2, 3, 0],
        ]).requiresGrad_(),
      ],
      run: run("cumulate", { op: "prod", dim: 1 }),
    },
    { name: "max", inputs: [spread([3, 4])], run: run("cumulate", { op: "max", dim: 1 }) },
    { name: "min", inputs: [spread([3, 4])], run: run("cumulate", { op: "min", dim: 0 }) },
  ],
  sort: [
    { name: "ascending", inputs: [spread([3, 4])], run: run("sort", { dim: 1, descending: false }) },
    { name: "descending", inputs: [spread([3, 4])], run: run("sort", { dim: 0, descending: true }) },
  ],
  softmax: [
    { name: "softmax", inputs: [spread([3, 4])], run: run("softmax", { dim: 1, log: false }) },
    { name: "logSoftmax", inputs: [spread([3, 4])], run: run("softmax", { dim: 0, log: true }) },
  ],
  nll: (["none", "sum", "mean"] as const).map((reduction) => ({
    name: reduction,
    inputs: [spread([3, 4])],
    run: run("nll", { dim: 1, ignoreIndex: 1, reduction }, int([3, 1, 0])),
  })),
  nllGrad: [
    {
      name: "none",
      inputs: [spread([3])],
      run: run("nllGrad", { dim: 1, ignoreIndex: 1, reduction: "none", inputShape: [3, 4] }, int([3, 1, 0]), f64(2)),
    },
    {
      name: "mean",
      inputs: [spread([])],
      run: run("nllGrad", { dim: 1, ignoreIndex: 1, reduction: "mean", inputShape: [3, 4] }, int([3, 1, 0]), f64(2)),
    },
  ],

  gather: [
    {
      inputs: [spread([3, 4])],
      run: run(
        "gather",
        { dim: 1 },
        int([
          [0, 0, 3],
          [2, 1, 2],
        ]),
      ),
    },
  ],
  scatter: (["set", "add", "mul", "max", "min"] as const).map((mode) => ({
    name: mode,
    inputs: [spread([3, 4]), spread([2, 3], -2, 2, 7)],
    run: (x: Tensor, source: Tensor) =>
      apply(
        "scatter",
        [
          x,
          int([
            [0, 1, 3],
            [2, 1, 0],
          ]),
          source,
        ],
        { dim: 1, mode },
      ),
  })),
  indexSelect: [{ inputs: [spread([3, 4])], run: run("indexSelect", { dim: 1 }, int([3, 0, 0])) }],
  indexUpdate: (["set", "add", "mul", "max", "min"] as const).map((mode) => ({
    name: mode,
    inputs: [spread([4, 2]), spread([2, 2], -2, 2, 7)],
    run: (x: Tensor, source: Tensor) => apply("indexUpdate", [x, int([3, 0]), source], { dim: 0, mode }),
  })),
  updateSlice: [
    {
      inputs: [spread([3, 4]), spread([2, 2], -2, 2, 7)],
      run: run("updateSlice", { layout: { shape: [2, 2], strides: [4, 2], offset: 1 } }),
    },
  ],
  concat: [
    { inputs: [spread([2, 3]), spread([2, 1], -2, 2, 7), spread([2, 2], -2, 2, 8)], run: run("concat", { dim: 1 }) },
    { name: "twice the same", inputs: [spread([2, 3])], run: (x) => apply("concat", [x, f64([[1], [2]]), x], { dim: 1 }) },
  ],

  matmul: [
    { name: "matrices", inputs: [spread([2, 3]), spread([3, 4], -2, 2, 7)], run: run("matmul", null) },
    { name: "batches", inputs: [spread([2, 2, 3]), spread([2, 3, 2], -2, 2, 7)], run: run("matmul", null) },
    {
      name: "transposed and stretched",
      inputs: [spread([3, 2]), spread([2, 3, 2], -2, 2, 7)],
      run: (a, b) => apply("matmul", [a.t().expand([2, 2, 3]), b], null),
    },
  ],
  addmm: [
    { name: "row", inputs: [spread([4]), spread([2, 3], -2, 2, 7), spread([3, 4], -2, 2, 8)], run: run("addmm", null) },
    { name: "matrix", inputs: [spread([2, 4]), spread([2, 3], -2, 2, 7), spread([3, 4], -2, 2, 8)], run: run("addmm", null) },
  ],

  conv: [
    { name: "bias", inputs: [spread([2, 4, 4, 4]), spread([2, 2, 3, 2], -1, 1, 7), spread([2], -1, 1, 8)], run: run("conv", conv) },
    {
      name: "one dimension",
      inputs: [spread([1, 2, 5]), spread([3, 2, 2], -1, 1, 7)],
      run: run("conv", { stride: [1], padding: [1], dilation: [1], groups: 1 }),
    },
  ],
  convInput: [
    {
      inputs: [spread([1, 2, 2, 2]), spread([2, 2, 3, 2], -1, 1, 7)],
      run: run("convInput", { ...conv, inputShape: [1, 4, 4, 4] }),
    },
  ],
  convWeight: [
    {
      inputs: [spread([1, 2, 2, 2]), spread([1, 4, 4, 4], -1, 1, 7)],
      run: run("convWeight", { ...conv, weightShape: [2, 2, 3, 2] }),
    },
  ],
  maxPool: [
    {
      inputs: [spread([2, 1, 4, 4])],
      run: (x) => applyAll("maxPool", [x], { ...pool, dilation: [1, 1], outputSize: [2, 5] })[0],
    },
  ],
  avgPool: [
    {
      name: "padding counts",
      inputs: [spread([1, 2, 4, 4])],
      run: run("avgPool", { ...pool, countIncludePad: true, divisor: null, outputSize: [2, 5] }),
    },
    {
      name: "padding does not",
      inputs: [spread([1, 2, 4, 4])],
      run: run("avgPool", { ...pool, countIncludePad: false, divisor: null, outputSize: [2, 5] }),
    },
  ],
  avgPoolGrad: [
    {
      inputs: [spread([1, 2, 2, 5])],
      run: run("avgPoolGrad", { ...pool, countIncludePad: false, divisor: null, inputShape: [1, 2, 4, 4] }),
    },
  ],
  random: null,
  transfer: [{ name: "to itself", inputs: [spread([2])], run: run("transfer", { device: CPU }) }],
};

describe.each(Object.keys(CHECKS) as PrimitiveName[])("the gradient of %s", (op) => {
  const checks = CHECKS[op];
  it("is listed as what it is", () => {
    expect(RULES[op] === null).toBe(checks === null);
  });
  for (const { name = "alone", inputs, run, second = true } of checks ?? []) {
    it(`agrees with differences: ${name}`, () => {
      expect(gradcheck(run, inputs)).toBe(true);
    });
    if (!second) continue;
    it(`agrees with differences in second order: ${name}`, () => {
      expect(gradgradcheck(run, inputs)).toBe(true);
    });
  }
});
