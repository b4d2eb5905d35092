import { DTypeError, formatShape, SconceError, Tensor, tensor } from "@sconce/core";
import { grad } from "./backward.js";
import { enableGrad, noGrad } from "./grad-mode.js";

/** How closely gradients must agree: `|analytical - numerical| <= atol + rtol * |numerical|`. */
export interface GradcheckOptions {
  /** Step of the differences. */
  readonly eps?: number;
  readonly atol?: number;
  readonly rtol?: number;
}

/** What is checked: a function of tensors. Results that are not floating-point are left out. */
export type Checked = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

interface Disagreement {
  readonly output: number;
  readonly input: number;
  readonly row: number;
  readonly column: number;
  readonly numerical: number;
  readonly analytical: number;
  /** The difference over what is allowed. */
  readonly excess: number;
}

function resultsOf(fn: Checked, inputs: readonly Tensor[]): Tensor[] {
  const result = fn(...inputs);
  return (result instanceof Tensor ? [result] : [...result]).filter((y) => y.isFloatingPoint());
}

function read(x: Tensor): Float64Array {
  return Float64Array.from(x.detach().dataSync() as Float64Array);
}

/** Derivatives of all elements of all results by one element of one input, by differences from both sides. */
function numericalColumn(
  fn: Checked,
  inputs: readonly Tensor[],
  input: number,
  data: Float64Array,
  at: number,
  eps: number,
): Float64Array[] {
  const side = (step: number): Float64Array[] => {
    const moved = data.slice();
    moved[at] += step;
    const others = inputs.map((x, i) => (i === input ? tensor(moved).reshape(x.shape) : x.detach()));
    return noGrad(() => resultsOf(fn, others).map(read));
  };
  const above = side(eps);
  const below = side(-eps);
  return above.map((y, output) => y.map((value, i) => (value - below[output][i]) / (2 * eps)));
}

/** Gradients of one element of one result by all inputs. */
function analyticalRow(results: readonly Tensor[], inputs: readonly Tensor[], output: number, at: number): (Float64Array | null)[] {
  const y = results[output];
  if (!y.requiresGrad) return inputs.map(() => null);
  const one = new Float64Array(y.numel());
  one[at] = 1;
  const wanted = inputs.filter((x) => x.requiresGrad);
  const gradOutputs = tensor(one).reshape(y.shape);
  const grads = grad(y, wanted, { gradOutputs, retainGraph: true, allowUnused: true });
  return inputs.map((x) => {
    const found = x.requiresGrad ? grads[wanted.indexOf(x)] : null;
    return found === null ? null : read(found);
  });
}

function worst(fn: Checked, inputs: readonly Tensor[], eps: number, atol: number, rtol: number): Disagreement | null {
  const results = enableGrad(() => resultsOf(fn, inputs));
  const rows = results.map((y, output) => Array.from({ length: y.numel() }, (_, at) => analyticalRow(results, inputs, output, at)));
  let found: Disagreement | null = null;
  inputs.forEach((x, input) => {
    if (!x.requiresGrad) return;
    const data = read(x);
    for (let column = 0; column < data.length; column++) {
      numericalColumn(fn, inputs, input, data, column, eps).forEach((derivatives, output) => {
        derivatives.forEach((numerical, row) => {
          const analytical = rows[output][row][input]?.[column] ?? 0;
          const excess = Math.abs(analytical - numerical) / (atol + rtol * Math.abs(numerical));
          // NaN agrees with nothing.
          if (excess <= 1 || excess <= (found?.excess ?? 0)) return;
          found = { output, input, row, column, numerical, analytical, excess };
        });
      });
    }
  });
  return found;
}

/** A position in row-major order as one index a dimension. */
function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = at;
  for (let i = shape.length - 1; i >= 0; i--) {
    index.unshift(rest % shape[i]);
    rest = Math.floor(rest / shape[i]);
  }
  return index;
}

function checkInputs(op: string, inputs: readonly Tensor[]): void {
  const asked = inputs.filter((x) => x.requiresGrad);
  if (asked.length === 0) throw new SconceError(`${op}: expected at least one input that requires gradients`);
  for (const { dtype } of asked) {
    if (dtype === "float64") continue;
    throw new DTypeError(
      `${op}: expected float64 inputs, since differences of float32 are too coarse, got ${dtype}; convert with .double()`,
      {
        dtypes: [dtype],
      },
    );
  }
}

/**
 * Compares the gradients of a function with differences of its values, in float64. Returns true.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
 *
 * @throws SconceError with the element that disagrees most.
 * @throws DTypeError unless the inputs that require gradients are float64.
 * @example
 * const x = tensor([0.5, 1.5], { dtype: "float64", requiresGrad: true });
 * gradcheck((x) => x.exp(), [x]); // true
 */
export function gradcheck(fn: Checked, inputs: readonly Tensor[], { eps = 1e-6, atol = 1e-5, rtol = 1e-3 }: GradcheckOptions = {}): true {
  checkInputs("gradcheck", inputs);
  const found = worst(fn, inputs, eps, atol, rtol);
  if (found === null) return true;
  const { output, input, row, column, numerical, analytical } = found;
  const y = resultsOf(fn, inputs)[output];
  throw new SconceError(
    `gradcheck: Jacobian mismatch for output ${output} with respect to input ${input}: the derivative of element ` +
      `${formatShape(indexOf(row, y.shape))} by element ${formatShape(indexOf(column, inputs[input].shape))} is ${numerical} by differences ` +
      `and ${analytical} by backward (allowed: atol ${atol} + rtol ${rtol})`,
  );
}

/** Fixed numbers without a pattern that could cancel. */
function cotangentLike(y: Tensor): Tensor {
  const data = Float64Array.from({ length: y.numel() }, (_, i) => Math.sin(12.9898 * (i + 1)) + 0.1);
  return tensor(data).reshape(y.shape).requiresGrad_();
}

/**
 * Compares second derivatives of a function with differences of its first ones, by inputs and by the gradient of its result.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html
 *
 * @throws SconceError with the element that disagrees most.
 * @throws DTypeError unless the inputs that require gradients are float64.
 * @example
 * const x = tensor([0.5, 1.5], { dtype: "float64", requiresGrad: true });
 * gradgradcheck((x) => x.exp(), [x]); // true
 */
export function gradgradcheck(fn: Checked, inputs: readonly Tensor[], options?: GradcheckOptions): true {
  checkInputs("gradgradcheck", inputs);
  const flags = inputs.map((x) => x.requiresGrad);
  const cotangents = resultsOf(fn, inputs).map(cotangentLike);
  const first: Checked = (...all) => {
    const own = all.slice(0, inputs.length).map((x, i) => (flags[i] && !x.requiresGrad ? x.requiresGrad_() : x));
    return enableGrad(() => {
      const outputs = resultsOf(fn, own);
      const used = outputs.map((y, i) => [y, all[inputs.length + i]] as const).filter(([y]) => y.requiresGrad);
      const wanted = own.filter((_, i) => flags[i]);
      const grads = grad(
        used.map(([y]) => y),
        wanted,
        { gradOutputs: used.map(([, g]) => g), createGraph: true, allowUnused: true },
      );
      return grads.map((g, i) => g ?? wanted[i].mul(0));
    });
  };
  return gradcheck(first, [...inputs, ...cotangents], options);
}
