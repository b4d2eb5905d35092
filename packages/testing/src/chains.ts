import { cat, Generator, type Shape, stack, type Tensor, tensor, where } from "@sconce/core";
import { constantPadNd, gelu, mish, silu, softplus } from "@sconce/core/nn";

/** A random program: a function of float64 tensors to one, and where to check it. */
export interface Chain {
  readonly inputs: readonly Tensor[];
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** The ops in order, for reports. */
  readonly text: string;
}

/** One step: what it is called, and what it makes of a tensor, given another one of the inputs. */
interface Step {
  readonly name: string;
  readonly run: (x: Tensor, other: Tensor) => Tensor;
}

/** A kind of step, for tensors of a shape; null where it does not apply. */
type Kind = (shape: Shape, random: Random) => Step | null;

/** Random choices from a seed. */
class Random {
  readonly #generator: Generator;

  constructor(seed: number) {
    this.#generator = new Generator(seed);
  }

  below(n: number): number {
    return Math.floor(this.#generator.uniformDouble() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  between(low: number, high: number): number {
    return low + this.#generator.uniformDouble() * (high - low);
  }
}

const step = (name: string, run: Step["run"]): Step => ({ name, run });

/** Smooth where they are used: values stay within a few units, away from poles. */
const SMOOTH: { readonly [name: string]: (x: Tensor) => Tensor } = {
  sin: (x) => x.sin(),
  cos: (x) => x.cos(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  "exp of half": (x) => x.mul(0.5).exp(),
  "log of square": (x) => x.square().add(1.5).log(),
  "root of square": (x) => x.square().add(0.7).sqrt(),
  gelu: (x) => gelu(x),
  softplus: (x) => softplus(x),
  silu: (x) => silu(x),
  mish: (x) => mish(x),
  erf: (x) => x.erf(),
  atan: (x) => x.atan(),
  expm1: (x) => x.mul(0.3).expm1(),
  cube: (x) => x.pow(3).mul(0.2),
  neg: (x) => x.neg(),
  "reciprocal of square": (x) => x.square().add(1.2).reciprocal(),
};

const smooth: Kind = (_, random) => {
  const name = random.pick(Object.keys(SMOOTH));
  return step(name, SMOOTH[name]);
};

const number: Kind = (_, random) => {
  const n = random.between(-1.5, 1.5);
  return random.pick([
    step(`add ${n.toFixed(2)}`, (x) => x.add(n)),
    step(`mul ${n.toFixed(2)}`, (x) => x.mul(n)),
    step(`rsub ${n.toFixed(2)}`, (x) => x.rsub(n)),
  ]);
};

/** Cuts or repeats another tensor so that it broadcasts against a shape. */
function fitted(other: Tensor, shape: Shape): Tensor {
  const flat = other.flatten();
  if (shape.length === 0) return flat.select(0, 0);
  const last = shape[shape.length - 1];
  return flat.repeat([Math.ceil(last / flat.numel())]).narrow(0, 0, last);
}

const broadcasting: Kind = (_, random) =>
  random.pick([
    step("add a row", (x, other) => x.add(fitted(other, x.shape))),
    step("mul by a row", (x, other) => x.mul(fitted(other, x.shape).tanh().add(1.3))),
    step("div by a row", (x, other) => x.div(fitted(other, x.shape).square().add(0.8))),
    step("sub of one number", (x, other) => x.sub(other.flatten().select(0, 0))),
    step("where", (x, other) => where(x.detach().gt(0.1), x, fitted(other, x.shape).expand(x.shape))),
    step("lerp", (x, other) => x.lerp(fitted(other, x.shape).expand(x.shape), 0.3)),
    step("addcmul", (x, other) => x.addcmul(x, fitted(other, x.shape), { value: 0.4 })),
  ]);

const view: Kind = (shape, random) => {
  const rank = shape.length;
  if (rank === 0) return step("unsqueeze", (x) => x.unsqueeze(0));
  const dim = random.below(rank);
  const n = shape[dim];
  const start = random.below(n);
  return random.pick([
    step(`flip ${dim}`, (x) => x.flip(dim)),
    step(`slice ${dim} from ${start}`, (x) => x.narrow(dim, start, n - start)),
    step(`every second of ${dim}`, (x) => x.at(...new Array<string>(dim).fill(":"), "::2")),
    step("transpose", (x) => x.transpose(0, rank - 1)),
    step("flatten", (x) => x.flatten()),
    step("unsqueeze", (x) => x.unsqueeze(dim)),
    step("squeeze", (x) => x.squeeze()),
    step(`roll ${dim}`, (x) => x.roll(1, dim)),
    step("reshape", (x) => x.transpose(0, rank - 1).reshape([-1, 1])),
    step("expand", (x) => x.unsqueeze(0).expand([2, ...x.shape])),
    step("diagonal", (x) => (x.ndim > 1 ? x.diagonal() : x)),
    step(`unfold ${dim}`, (x) => (n > 1 && rank < 4 ? x.unfold(dim, 2, 1) : x)),
  ]);
};

const reduction: Kind = (shape, random) => {
  if (shape.length === 0) return null;
  const dim = random.below(shape.length);
  const keepdim = random.below(2) === 1;
  return random.pick([
    step(`sum ${dim}`, (x) => x.sum({ dim, keepdim })),
    step(`mean ${dim}`, (x) => x.mean({ dim, keepdim })),
    step(`prod ${dim}`, (x) => x.prod(dim, { keepdim })),
    step(`logsumexp ${dim}`, (x) => x.logsumexp(dim, { keepdim })),
    step(`amax ${dim}`, (x) => x.amax({ dim, keepdim })),
    step(`norm ${dim}`, (x) => x.square().add(0.1).sqrt().norm(2, { dim, keepdim })),
    step(`var ${dim}`, (x) => x.var({ dim, keepdim, correction: 0 })),
    step(`softmax ${dim}`, (x) => x.softmax(dim)),
    step(`logSoftmax ${dim}`, (x) => x.logSoftmax(dim)),
    step(`cumsum ${dim}`, (x) => x.cumsum(dim)),
    step(`cumprod ${dim}`, (x) => x.cumprod(dim)),
    step(`sort ${dim}`, (x) => x.sort(dim).values),
  ]);
};

const joining: Kind = (shape, random) => {
  if (shape.length === 0) return null;
  const dim = random.below(shape.length);
  const index = Array.from({ length: shape[dim] + 1 }, () => random.below(shape[dim]));
  return random.pick([
    step(`cat ${dim}`, (x) => cat([x, x.sin()], dim)),
    step("stack", (x) => (x.ndim < 4 ? stack([x, x.mul(2)]).select(0, 1) : x)),
    step(`indexSelect ${dim}`, (x) => x.indexSelect(dim, tensor(index).int())),
    step(`indexAdd ${dim}`, (x) => x.indexAdd(dim, tensor([0]).int(), x.narrow(dim, 0, 1).cos())),
    step(`gather ${dim}`, (x) => x.gather(dim, x.detach().argsort(dim))),
    step("matmul with itself", (x) => (x.ndim > 1 ? x.matmul(x.transpose(-1, -2)).mul(0.3) : x.dot(x.flatten()))),
    step("tril", (x) => (x.ndim > 1 ? x.tril() : x)),
    step("pad", (x) => constantPadNd(x, [1, 0], 0.5)),
  ]);
};

const inPlace: Kind = (shape, random) => {
  if (shape.length === 0) return step("add_ to a clone", (x, other) => x.clone().add_(other.flatten().select(0, 0)));
  const dim = random.below(shape.length);
  const at = random.below(shape[dim]);
  const into = (write: (part: Tensor, x: Tensor, other: Tensor) => unknown): Step["run"] => {
    return (x, other) => {
      const y = x.clone();
      write(y.select(dim, at), x, other);
      return y;
    };
  };
  return random.pick([
    step(
      `mul_ of part ${at} of ${dim}`,
      into((part) => part.mul_(0.5)),
    ),
    step(
      `add_ of other to part ${at} of ${dim}`,
      into((part, _, other) => part.add_(other.flatten().select(0, 0))),
    ),
    step(
      `copy_ into part ${at} of ${dim}`,
      into((part, x) => part.copy_(x.select(dim, 0).sin())),
    ),
    step(
      `sigmoid_ of part ${at} of ${dim}`,
      into((part) => part.sigmoid_()),
    ),
    step("view of an updated base", (x) => {
      const y = x.clone();
      const seen = y.flatten();
      y.mul_(1.5);
      return seen.view(x.shape);
    }),
    step("maskedFill_", (x) => x.clone().maskedFill_(x.detach().gt(0.5), 0.25)),
    step("setAt", (x, other) => x.clone().setAt([0], other.flatten().select(0, 0).cos())),
  ]);
};

const KINDS: readonly Kind[] = [smooth, number, broadcasting, view, view, reduction, joining, inPlace];

/** What the inputs of a chain may look like. */
const SHAPES: readonly (readonly Shape[])[] = [
  [[3], [2]],
  [[2, 3], [3]],
  [
    [2, 2],
    [2, 1],
  ],
  [[1, 3, 2], [2]],
  [[], [2]],
];

/** Most elements that a chain passes on: a larger result is cut. */
const MAX_ELEMENTS = 12;

/** The random program of a seed: `length` steps, each a smooth, broadcasting, view, reducing, joining or in-place op. */
export function chainOf(seed: number, length = 5): Chain {
  const random = new Random(seed);
  const inputs = random.pick(SHAPES).map((shape) => {
    const data = Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.between(-1.4, 1.4));
    return tensor(data).reshape(shape).requiresGrad_();
  });
  const steps: Step[] = [];
  let x = inputs[0].detach();
  const [, other] = inputs;
  while (steps.length < length) {
    const made = random.pick(KINDS)(x.shape, random);
    if (made === null) continue;
    const next = made.run(x, other.detach());
    const limited = next.numel() <= MAX_ELEMENTS ? made : step(`${made.name}, cut`, (y, z) => cut(made.run(y, z)));
    steps.push(limited);
    x = limited.run(x, other.detach());
  }
  const run = (...given: Tensor[]): Tensor => steps.reduce((y, { run: apply }) => apply(y, given[1]), given[0]);
  return { inputs, run, text: `${seed}: ${steps.map(({ name }) => name).join(" | ")}` };
}

function cut(x: Tensor): Tensor {
  return x.flatten().narrow(0, 1, MAX_ELEMENTS);
}
