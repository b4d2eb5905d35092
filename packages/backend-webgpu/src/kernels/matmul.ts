import { type DType, type Layout, sizeOf } from "@sconce/core";
import { isVector } from "../layout.js";
import type { BlockView, Machine } from "../machine.js";
import { type Kernel, wholeView } from "./kernel.js";
import { runRegisters } from "./matmul-registers.js";
import { runTiled, TILES, type Tile } from "./matmul-tiled.js";
import type { Access, Product, ProductPlan } from "./product.js";

function accessOf(x: Layout, dtype: DType): Access {
  const rank = x.shape.length;
  if (dtype !== "float32" && dtype !== "float16" && dtype !== "int32") return "single";
  if (isVector(x, rank - 1)) return "row";
  return isVector(x, rank - 2) ? "column" : "single";
}

export const matmul: Kernel<"matmul"> = (machine, inputs, [output]) => {
  const block = machine.alloc(output);
  multiply(machine, inputs, wholeView(block, output));
  return [block];
};

/** The product of the first two operands, plus the third if there is one, into `target`, whose columns are neighbours, or added to it. */
export function multiply(machine: Machine, operands: readonly BlockView[], target: BlockView, accumulate: boolean = false): void {
  const [a, b, bias] = operands;
  const { shape, dtype: result, block } = target;
  const { dtype } = a;
  const rank = shape.length;
  const product: Product = { m: shape[rank - 2], n: shape[rank - 1], k: a.shape[rank - 1], batch: shape.slice(0, -2), operands, target };
  const access = { a: accessOf(a, dtype), b: accessOf(b, dtype) };
  const plan: ProductPlan = { dtype, result, ...access, batchRank: rank - 2, bias: bias !== undefined, accumulate };
  const blocks = [...operands.map((x) => x.block), block];
  const tile = machine.software ? null : tileFor(product);
  if (tile === null) runRegisters(machine, plan, product, blocks);
  else runTiled(machine, plan, product, blocks, tile);
}

/** The tile of a product on hardware: large ones reuse more, small ones give more workgroups; thin products need none. */
function tileFor({ m, n, k, batch }: Product): Tile | null {
  if (m < 16 || n < 16 || k < 8) return null;
  const groups = (tile: Tile): number => Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * sizeOf(batch);
  return TILES.find((tile) => groups(tile) >= 128) ?? TILES[TILES.length - 1];
}
