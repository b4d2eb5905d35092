import { apply } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { sizeOf } from "../shape.js";
import { mul, permuteTo, requireSameDType, squeezeAt } from "./compose.js";
import type { Tensor } from "./tensor.js";

/** A tensor whose dimensions have names; each name occurs once. */
interface Named {
  readonly tensor: Tensor;
  readonly names: readonly string[];
}

interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Name of a dimension that `...` stands for, counted from the last. */
const ellipsisName = (fromEnd: number): string => `...${fromEnd}`;

function tokens(text: string, where: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text.startsWith("...", i)) {
      if (out.includes("...")) throw new ValueError(`einsum(): found '.' for ${where} for which an ellipsis was already found`);
      out.push("...");
      i += 2;
    } else if (/[A-Za-z]/.test(text[i])) out.push(text[i]);
    else
      throw new ValueError(
        `einsum(): invalid subscript given at index ${i} of ${where}: ${JSON.stringify(text)}; subscripts are letters and "..."`,
      );
  }
  return out;
}

/** Replaces `...` by names for the dimensions that it stands for. */
function expandEllipsis(list: readonly string[], count: number): string[] {
  return list.flatMap((name) => (name === "..." ? Array.from({ length: count }, (_, i) => ellipsisName(count - 1 - i)) : [name]));
}

function operandNames(list: readonly string[], x: Tensor, index: number): string[] {
  const letters = list.filter((name) => name !== "...").length;
  const extra = x.ndim - letters;
  if (extra < 0 || (extra > 0 && !list.includes("..."))) {
    throw new ShapeError(
      `einsum(): the number of subscripts in the equation (${letters}) ${extra < 0 ? "is more than" : "does not match"} the number of dimensions ` +
        `(${x.ndim}) for operand ${index}${extra > 0 ? " and no ellipsis was given" : ""}, got ${formatShape(x.shape)}`,
      { shapes: [x.shape] },
    );
  }
  return expandEllipsis(list, extra);
}

function parse(equation: string, operands: readonly Tensor[]): Equation {
  if (typeof equation !== "string") throw new ValueError(`einsum(): expected an equation such as "ij,jk->ik", got ${equation}`);
  const text = equation.replaceAll(" ", "");
  const [left, right, ...more] = text.split("->");
  if (more.length > 0) throw new ValueError(`einsum(): expected one "->", got ${JSON.stringify(equation)}`);
  const parts = left.split(",");
  if (parts.length !== operands.length) {
    const word = parts.length > operands.length ? "fewer" : "more";
    throw new ValueError(
      `einsum(): ${word} operands were provided than specified in the equation: ${operands.length} for ${JSON.stringify(equation)}`,
    );
  }
  const inputs = parts.map((part, i) => operandNames(tokens(part, `operand ${i}`), operands[i], i));
  return { inputs, output: right === undefined ? implicitOutput(inputs) : explicitOutput(right, inputs) };
}

function ellipsisNames(inputs: Equation["inputs"]): string[] {
  const count = Math.max(0, ...inputs.map((names) => names.filter((name) => name.startsWith("...")).length));
  return expandEllipsis(["..."], count);
}

function implicitOutput(inputs: Equation["inputs"]): string[] {
  const all = inputs.flat().filter((name) => !name.startsWith("..."));
  const once = all.filter((name) => all.indexOf(name) === all.lastIndexOf(name));
  return [...ellipsisNames(inputs), ...once.sort()];
}

function explicitOutput(text: string, inputs: Equation["inputs"]): string[] {
  const list = tokens(text, "the output");
  const known = new Set(inputs.flat());
  for (const name of list) {
    if (list.indexOf(name) !== list.lastIndexOf(name)) {
      throw new ValueError(`einsum(): output subscript ${name} appears more than once in the output`);
    }
    if (name !== "..." && !known.has(name)) {
      throw new ValueError(`einsum(): output subscript ${name} does not appear in the equation for any input operand`);
    }
  }
  return list.flatMap((name) => (name === "..." ? ellipsisNames(inputs) : [name]));
}

/** Takes the diagonal of dimensions with one name. */
function distinct(x: Tensor, names: readonly string[], operand: number): Named {
  let tensor = x;
  let list = [...names];
  for (let i = 0; i < list.length; i++) {
    const j = list.indexOf(list[i], i + 1);
    if (j < 0) continue;
    if (tensor.shape[i] !== tensor.shape[j]) {
      throw new ShapeError(
        `einsum(): subscript ${list[i]} is repeated for operand ${operand} but the sizes don't match, ${tensor.shape[j]} != ${tensor.shape[i]}`,
        { shapes: [x.shape] },
      );
    }
    const name = list[i];
    tensor = apply("diagonal", [tensor], { offset: 0, dim1: i, dim2: j });
    list = [...list.filter((_, d) => d !== i && d !== j), name];
    i = -1;
  }
  return { tensor, names: list };
}

function checkSizes(named: readonly Named[]): void {
  const size = new Map<string, number>();
  for (const { tensor, names } of named) {
    names.forEach((name, d) => {
      const known = size.get(name) ?? 1;
      const own = tensor.shape[d];
      if (known !== 1 && own !== 1 && known !== own) {
        throw new ShapeError(
          `einsum(): operands do not broadcast: subscript ${name} has size ${own} for one operand and ${known} for another, ` +
            `got ${named.map((n) => formatShape(n.tensor.shape)).join(", ")}`,
          { shapes: named.map((n) => n.tensor.shape) },
        );
      }
      size.set(name, known === 1 ? own : known);
    });
  }
}

/** Sums over the dimensions that `keep` refuses. */
function sumOut({ tensor, names }: Named, keep: (name: string) => boolean): Named {
  const dims = names.map((_, d) => d).filter((d) => !keep(names[d]));
  if (dims.length === 0) return { tensor, names };
  return { tensor: apply("reduce", [tensor], { op: "sum", dims, keepdim: false }, "Sum1"), names: names.filter(keep) };
}

/** Leaves out dimensions of size 1 that the other operand has in full: they only stretch. */
function dropStretched({ tensor, names }: Named, other: Named): Named {
  const dims = names
    .map((_, d) => d)
    .filter((d) => tensor.shape[d] === 1 && other.names.includes(names[d]) && other.tensor.shape[other.names.indexOf(names[d])] !== 1);
  if (dims.length === 0) return { tensor, names };
  return { tensor: squeezeAt(tensor, ...dims), names: names.filter((_, d) => !dims.includes(d)) };
}

/** The dimensions in the order of `groups`, each group as one. */
function grouped({ tensor, names }: Named, groups: readonly (readonly string[])[]): Tensor {
  const order = groups.flat().map((name) => names.indexOf(name));
  const shape = groups.map((group) => sizeOf(group.map((name) => tensor.shape[names.indexOf(name)])));
  return permuteTo(tensor, order).reshape(shape);
}

/** Multiplies two operands and sums over the names that nothing later needs. */
function contract(first: Named, second: Named, needed: ReadonlySet<string>): Named {
  let a = dropStretched(first, second);
  let b = dropStretched(second, first);
  a = sumOut(a, (name) => needed.has(name) || b.names.includes(name));
  b = sumOut(b, (name) => needed.has(name) || a.names.includes(name));
  const shared = a.names.filter((name) => b.names.includes(name));
  const batch = shared.filter((name) => needed.has(name));
  const summed = shared.filter((name) => !needed.has(name));
  const rows = a.names.filter((name) => !shared.includes(name));
  const columns = b.names.filter((name) => !shared.includes(name));
  const sizes = (x: Named, list: readonly string[]) => list.map((name) => x.tensor.shape[x.names.indexOf(name)]);
  const names = [...batch, ...rows, ...columns];
  const shape = [...sizes(a, batch), ...sizes(a, rows), ...sizes(b, columns)];
  const left = grouped(a, [batch, rows, summed]); // [B, M, K]
  const right = grouped(b, [batch, summed, columns]); // [B, K, N]
  if (summed.length === 0) return { tensor: mul(left, right).reshape(shape), names };
  return { tensor: apply("matmul", [left, right], null, "Bmm").reshape(shape), names };
}

/**
 * Sums of products by PyTorch's notation: repeated subscripts, `...`, and an implicit output.
 * @throws ValueError for a malformed equation. @throws ShapeError if the operands do not fit it.
 * @example
 * einsum("ij,jk->ik", ones([2, 3]), ones([3, 4])); // [2, 4]
 */
export function einsum(equation: string, ...operands: readonly Tensor[] | readonly [readonly Tensor[]]): Tensor {
  return contractAll(equation, Array.isArray(operands[0]) ? (operands[0] as readonly Tensor[]) : (operands as readonly Tensor[]));
}

function contractAll(equation: string, operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parse(equation, operands);
  requireSameDType("einsum", ...operands);
  const named = operands.map((x, i) => distinct(x, inputs[i], i));
  checkSizes(named);
  let result = named[0];
  for (let i = 1; i < named.length; i++) {
    const needed = new Set([...output, ...named.slice(i + 1).flatMap((n) => n.names)]);
    result = contract(result, named[i], needed);
  }
  const kept = sumOut(result, (name) => output.includes(name));
  return permuteTo(
    kept.tensor,
    output.map((name) => kept.names.indexOf(name)),
  );
}
