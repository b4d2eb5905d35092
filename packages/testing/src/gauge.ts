import type { Tensor } from "@sconce/core";
import { asList, expectNumbers, expectShape, expectTensor, expectValue, Mismatch } from "./compare.js";
import type { GoldenTensor, GoldenValue, OpCase } from "./golden.js";
import { elements } from "./values.js";

/** Two tensors that must agree. */
type Pair = readonly [actual: Tensor, expected: Tensor];

/** How the input follows from the parts of a decomposition, and what else must hold; `fixed` parts are the same for all. */
interface Rebuild {
  readonly fixed: readonly number[];
  readonly pairs: (parts: readonly Tensor[], x: Tensor, c: OpCase) => readonly Pair[];
}

const identity = (x: Tensor, n: number): Tensor => x.newOnes([n]).diagEmbed();

/** `xᵀ x = 1` for each matrix. */
function orthonormal(x: Tensor): Pair {
  const gram = x.mT.matmul(x);
  return [gram, identity(x, x.shape[x.ndim - 1]).expand(gram.shape)];
}

function ofSvd([u, s, v]: readonly Tensor[], x: Tensor): readonly Pair[] {
  const k = s.shape[s.ndim - 1];
  const product = u
    .narrow(-1, 0, k)
    .mul(s.unsqueeze(-2))
    .matmul(v.narrow(-1, 0, k).mT);
  return [[product, x], orthonormal(u), orthonormal(v)];
}

/** The symmetric matrix of the triangle that was read. */
function symmetric(x: Tensor, upper: boolean): Tensor {
  return upper ? x.triu().add(x.triu(1).mT) : x.tril().add(x.tril(-1).mT);
}

function ofEigh([values, vectors]: readonly Tensor[], x: Tensor, { kwargs }: OpCase): readonly Pair[] {
  const upper = kwargs.UPLO === "U" || kwargs.upper === true;
  return [[vectors.mul(values.unsqueeze(-2)).matmul(vectors.mT), symmetric(x, upper)], orthonormal(vectors)];
}

/** `x v = v diag(l)` in pairs of real and imaginary part. */
function ofEig([values, vectors]: readonly Tensor[], x: Tensor): readonly Pair[] {
  const [re, im] = [vectors.select(-1, 0), vectors.select(-1, 1)];
  const [a, b] = [values.select(-1, 0).unsqueeze(-2), values.select(-1, 1).unsqueeze(-2)];
  return [
    [x.matmul(re), re.mul(a).sub(im.mul(b))],
    [x.matmul(im), re.mul(b).add(im.mul(a))],
  ];
}

const REBUILD: { readonly [op: string]: Rebuild | undefined } = {
  "linalg.svd": { fixed: [1], pairs: ([u, s, vh], x) => ofSvd([u, s, vh.mT], x) },
  svd: { fixed: [1], pairs: ofSvd },
  "linalg.eigh": { fixed: [0], pairs: ofEigh },
  symeig: { fixed: [0], pairs: ofEigh },
  "linalg.eig": { fixed: [0], pairs: ofEig },
};

/**
 * Checks a result whose sign or basis is free: the parts that are not must be the golden ones, and the input must follow from all. Where
 * the library follows LAPACK's signs, the whole result must be the golden one.
 */
export async function expectGauge(c: OpCase, result: unknown, x: Tensor): Promise<void> {
  const rule = REBUILD[c.op];
  const e = c.err?.out?.[0] ?? 0;
  if (rule === undefined) return expectValue(result, c.out as GoldenValue, e, "out");
  const parts = (asList(result) ?? []) as readonly Tensor[];
  const golden = c.out as readonly GoldenTensor[];
  if (parts.length < golden.length) throw new Mismatch(`expected ${golden.length} results, got ${parts.length}`);
  for (const i of rule.fixed) await expectTensor(parts[i], golden[i], e, `out.${i}`);
  const detached = parts.map((part) => part.detach());
  for (const [i, [actual, expected]] of rule.pairs(detached, x.detach(), c).entries()) {
    expectShape(actual, expected.shape, `rebuilt ${i}`);
    expectNumbers(await elements(actual), await elements(expected), 1e-5, `rebuilt ${i}`);
  }
}
