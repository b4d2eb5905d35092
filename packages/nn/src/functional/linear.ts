import { composite, formatShape, optionsOf, ShapeError, type Tensor, write } from "@sconce/core";
import { embedding as rowsOf, oneHot as rowsOfOnes } from "@sconce/core/nn";
import { choose } from "../ops.js";
import { withOption } from "../options.js";

export { linear } from "@sconce/core/nn";

/**
 * `x1ᵀ A x2 + b` for every output: `[..., in1]`, `[..., in2]` and weight `[out, in1, in2]` to `[..., out]`.
 * @throws ShapeError if the sizes do not fit.
 */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const [out, in1, in2] = weight.shape;
  const lead = input1.shape.slice(0, -1);
  const fits = input1.shape.at(-1) === in1 && input2.shape.at(-1) === in2 && formatShape(lead) === formatShape(input2.shape.slice(0, -1));
  if (weight.ndim !== 3 || !fits) {
    throw new ShapeError(
      `bilinear: expected [..., ${in1}] and [..., ${in2}] for weight ${formatShape(weight.shape)}, ` +
        `got ${formatShape(input1.shape)} and ${formatShape(input2.shape)}`,
      { shapes: [input1.shape, input2.shape, weight.shape] },
    );
  }
  const inputs = bias === null ? [input1, input2, weight] : [input1, input2, weight, bias];
  return composite("Bilinear", inputs, () => {
    const rows = input1.reshape([-1, in1]);
    // [N, in1] x [in1, out * in2] -> [N, out, in2]
    const mixed = rows.matmul(weight.permute([1, 0, 2]).reshape([in1, out * in2])).reshape([-1, out, in2]);
    const product = mixed
      .mul(input2.reshape([-1, 1, in2]))
      .sum(-1)
      .reshape([...lead, out]);
    return bias === null ? product : product.add(bias);
  });
}

/** Settings of {@link embedding}. */
export interface EmbeddingFunctionOptions {
  /** Row that gets no gradient; negative ones count from the end. */
  readonly paddingIdx?: number | null;
  /** Rows that are used and longer than this are shortened to it, in place. */
  readonly maxNorm?: number | null;
  /** Order of the norm for `maxNorm`; 2 unless given. */
  readonly normType?: number;
  /** Divides the gradient of each row by how often it is used. */
  readonly scaleGradByFreq?: boolean;
}

/**
 * Rows of a table: indices `[...]` and weight `[rows, size]` to `[..., size]`.
 * @throws ShapeError for an index that is no row.
 * @example
 * F.embedding(tensor([1, 2], { dtype: "int32" }), randn([10, 3])); // [2, 3]
 */
export function embedding(input: Tensor, weight: Tensor, options: EmbeddingFunctionOptions = {}): Tensor {
  const { paddingIdx, maxNorm, normType, scaleGradByFreq } = optionsOf("embedding", options, {
    paddingIdx: Number,
    maxNorm: Number,
    normType: 2,
    scaleGradByFreq: false,
  });
  if (maxNorm !== null) shorten(weight, input.flatten(), maxNorm, normType);
  if (!scaleGradByFreq) return rowsOf(input, weight, { paddingIdx });
  const ids = input.flatten();
  return composite("Embedding", [weight], () => {
    const rows = rowsOf(ids, weight, { paddingIdx });
    const value = rows.detach();
    const share = usesOf(ids, weight).indexSelect(0, ids).reciprocal().unsqueeze(1);
    // The value of the rows, with a share of their gradient.
    return value.add(rows.sub(value).mul(share)).reshape([...input.shape, weight.shape[1]]);
  });
}

/** How often each row is used. */
function usesOf(ids: Tensor, weight: Tensor): Tensor {
  return weight.newFull([weight.shape[0]], 0).scatterAdd(0, ids, weight.newFull([ids.numel()], 1));
}

function shorten(weight: Tensor, ids: Tensor, maxNorm: number, normType: number): void {
  const rows = weight.detach();
  const norms = rows.norm(normType, 1, { keepdim: true });
  const long = norms.gt(maxNorm).logicalAnd(usesOf(ids, rows).unsqueeze(1).gt(0));
  write(weight, rows.mul(choose(long, norms.add(1e-7).reciprocal().mul(maxNorm), 1, weight.dtype)));
}

/**
 * Class indices `[...]` as rows of zeros with a one, `[..., classes]`, in int32. Without `numClasses`, one more than the largest index.
 * @throws ValueError for a negative index or one beyond `numClasses`.
 */
export function oneHot(input: Tensor, classes?: number | { readonly numClasses?: number }): Tensor {
  const options = withOption<{ readonly numClasses?: number }>("oneHot", "numClasses", classes);
  return rowsOfOnes(input, optionsOf("oneHot", options, { numClasses: -1 }).numClasses);
}
