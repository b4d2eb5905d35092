import { type DType, type Layout, sizeOf } from "@sconce/core";
import { isVector } from "../layout.js";
import type { Kernel } from "./kernel.js";
import { runRegisters } from "./matmul-registers.js";
import { runTiled, TILES, type Tile } from "./matmul-tiled.js";
import type { Access, Product, ProductPlan } from "./product.js";

function accessOf(x: Layout, dtype: DType): Access {
  const rank = x.shape.length;
  if (dtype !== "float32" && dtype !== "int32") return "single";
  if (isVector(x, rank - 1)) return "row";
  return isVector(x, rank - 2) ? "column" : "single";
}

export const matmul: Kernel<"matmul"> = (machine, inputs, [output], { bias }) => {
  const [a, b] = inputs;
  const rank = output.shape.length;
  const block = machine.alloc(output);
  const product: Product = {
    m: output.shape[rank - 2],
    n: output.shape[rank - 1],
    k: a.shape[rank - 1],
    batch: output.shape.slice(0, -2),
    operands: inputs,
  };
  const plan: ProductPlan = {
    dtype: output.dtype,
    a: accessOf(a, output.dtype),
    b: accessOf(b, output.dtype),
    batchRank: rank - 2,
    bias,
  };
  const blocks = [...inputs.map((x) => x.block), block];
  const tile = machine.software ? null : tileFor(product);
  if (tile === null) runRegisters(machine, plan, product, blocks);
  else runTiled(machine, plan, product, blocks, tile);
  return [block];
};

/** The tile of a product on hardware: large ones reuse more, small ones give more workgroups; thin products need none. */
function tileFor({ m, n, k, batch }: Product): Tile | null {
  if (m < 16 || n < 16 || k < 8) return null;
  const groups = (tile: Tile): number => Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * sizeOf(batch);
  return TILES.find((tile) => groups(tile) >= 128) ?? TILES[TILES.length - 1];
}
