/**
 * Matrix products on the heap: c = a b, optionally added to c, with a bias per column and a relu.
 *
 * @module
 */
import type { ThreadPool } from "../threads/pool.js";
import { getNumThreads } from "../threads/settings.js";
import { type Calls, DIRECT, shareRange } from "../threads/share.js";
import { type Exports, instantiate, type WasmFunction } from "./asm.js";
import { ACCUMULATE, type Element, RELU } from "./element.js";
import { type KernelOptions, kernelOptions } from "./features.js";
import { emitGemm, gemmWorkspace } from "./gemm-emit.js";
import { emitSmall } from "./gemm-small.js";
import type { Heap, Pointer } from "./memory.js";

export { ACCUMULATE, FLOAT32, FLOAT64, PANELS, RELU } from "./element.js";
export { emitWideGemm } from "./gemm-emit.js";

/** Always zero: the heap never hands out its first page. */
const ZERO: Pointer = 0;

/** The matrix kernels of one element type, linked to one memory; every thread has its own instance. */
export interface GemmKernels {
  readonly element: Element;
  /** Turned products read their right operand where it lies. */
  readonly direct: boolean;
  /** Bytes of scratch memory that each running product needs to itself, as from `heap.workspace(thread, bytes)`. */
  readonly workspaceBytes: number;
  /** Emitted and linked at their first use. */
  readonly exports: Exports;
  /** The kernel of small products without mode and bias, likewise. */
  readonly small: WasmFunction;
  /** What `emitWideGemm` emits, where it is in use. */
  readonly wide?: Exports;
}

/**
 * The matrix kernels of a memory.
 *
 * @example
 * import { Heap } from "./memory.js";
 *
 * const heap = new Heap();
 * const kernels = gemmKernels(heap, FLOAT32);
 * const [a, b, c] = [heap.alloc(24), heap.alloc(24), heap.alloc(16)];
 * heap.f32.fill(1, a / 4, a / 4 + 6).fill(2, b / 4, b / 4 + 6);
 * product(kernels, heap.workspace(0, kernels.workspaceBytes), 2, 2, 3, a, 3, 1, b, 2, 1, c, 2);
 * heap.f32[c / 4]; // 6
 */
export function gemmKernels(
  heap: Pick<Heap, "memory" | "shared" | "maximum">,
  element: Element,
  options: KernelOptions = kernelOptions(heap),
): GemmKernels {
  let blocked: Exports | undefined;
  let single: WasmFunction | undefined;
  return {
    element,
    direct: options.tile !== "short",
    workspaceBytes: gemmWorkspace(element),
    get exports(): Exports {
      return (blocked ??= instantiate(emitGemm(options, element), heap.memory));
    },
    get small(): WasmFunction {
      return (single ??= instantiate(emitSmall(options, element), heap.memory).small);
    },
  };
}

/** A product `c[m, n] = a[m, k] b[k, n]`, see {@link product}. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Pointer;
  readonly aRow: number;
  readonly aColumn: number;
  readonly b: Pointer;
  readonly bRow: number;
  readonly bColumn: number;
  readonly c: Pointer;
  readonly cRow: number;
  readonly mode: number;
  readonly bias: Pointer;
}

/** The kernel for a product; that of a whole product serves its parts too, so that they give the same bits. */
export type ProductPath = "empty" | "rowByRows" | "rowByColumns" | "columnByRows" | "columnByColumns" | "small" | "turned" | "packed";

/** What the choice of a kernel depends on besides the product. */
export type PathOptions = Pick<GemmKernels, "direct" | "wide">;

/** Chooses the kernel. */
export function pathOf(p: Product, kernels: PathOptions): ProductPath {
  if (p.k === 0) return "empty";
  if (p.m === 1 && p.aColumn === 1 && (p.bRow === 1 || p.bColumn === 1) && !(p.bias && p.mode & ACCUMULATE)) {
    return p.bRow === 1 ? "rowByRows" : "rowByColumns";
  }
  if (p.n === 1 && p.cRow === 1 && p.bRow === 1 && !p.bias) {
    if (p.aColumn === 1) return "columnByRows";
    if (p.aRow === 1) return "columnByColumns";
  }
  if (p.m * p.n * p.k <= SMALL && !p.bias && !p.mode) return "small";
  return isTurned(p, kernels) ? "turned" : "packed";
}

/** Multiplications up to which a product takes longer to pack than to compute. */
const SMALL = 64;

/** Rows of a product up to which packing its right operand counts, and columns up to which those that are added to fill tiles do. */
const FEW_ROWS = 128;
const FEW_COLUMNS = 200;
/** Columns for which there is room to turn them. */
const MOST_COLUMNS = 2048;
/** Depth from which on that is worth turning the result. */
const LEAST_DEPTH = 96;

/**
 * True if the rows of the product are better off as the columns of its tiles: where few columns would leave much of a tile empty, and where
 * the right operand is the larger one and then needs no packing.
 */
function isTurned({ m, n, k, bRow, mode }: Product, { direct, wide }: PathOptions): boolean {
  const leavesEmpty = (n - 1) % 8 < 4;
  if (m < 8 || mode !== 0) return false;
  if (n <= 12 && leavesEmpty) return true;
  if (m > FEW_ROWS || m >= n || n > MOST_COLUMNS || k < LEAST_DEPTH) return false;
  const added = -m & (wide === undefined ? 7 : 15);
  return direct ? bRow === 1 && 8 * added <= m : leavesEmpty && added === 0 && n <= FEW_COLUMNS;
}

/** What the wide kernel does, and where its tiles do not stay half empty. It gives the same bits as the other one. */
const suitsWide = ({ n, mode, bias }: Pick<Product, "n" | "mode" | "bias">): boolean =>
  n >= 16 && (mode & RELU) === 0 && (bias === 0 || (mode & ACCUMULATE) === 0);

/** The right operand of many products, and what else decides how it is packed. */
export type Right = Pick<Product, "n" | "k" | "b" | "bRow" | "bColumn" | "mode" | "bias">;

/** Bytes of a packed right operand of float32. */
export const panelBytes = ({ n, k }: Right): number => 64 * k * Math.ceil(n / 16);

/** Packs the right operand of products that go by `packed`, which get PANELS in their mode and `target` for b. */
export function packPanels(kernels: GemmKernels, right: Right, target: Pointer, workspace: Pointer): void {
  callProduct(DIRECT, kernels, "packed", { ...right, m: 0, a: 0, aRow: 0, aColumn: 0, c: target, cRow: 0 }, workspace);
}

/** The bit of the workspace among the arguments of a packed product. */
const WORKSPACE_ARGUMENT = 1 << 13;

/** The kernel for a product that goes by `packed`. */
export const packedKernel = ({ exports, wide }: GemmKernels, p: Pick<Product, "n" | "mode" | "bias">): WasmFunction =>
  (wide !== undefined && suitsWide(p) ? wide : exports).gemm;

/** Rows that fill a wide tile of a turned product. */
const WIDE_TURNED = 16;

/** The calls of a product. */
export function callProduct(calls: Calls, kernels: GemmKernels, path: ProductPath, p: Product, workspace: Pointer): void {
  const { bytes } = kernels.element;
  const { m, n, k, a, b, c, mode, bias } = p;
  const [aDown, aAcross, bDown, bAcross] = [p.aRow * bytes, p.aColumn * bytes, p.bRow * bytes, p.bColumn * bytes];
  if (path === "packed") {
    const args = [m, n, k, a, aDown, aAcross, b, bDown, bAcross, c, p.cRow * bytes, mode, bias, workspace];
    calls.call(packedKernel(kernels, p), WORKSPACE_ARGUMENT, args);
  } else if (path === "small") calls.call(kernels.small, 0, [m, n, k, a, aDown, aAcross, b, bDown, bAcross, c, p.cRow * bytes]);
  else if (path === "turned") {
    const { gemmTurned } = (m >= WIDE_TURNED ? kernels.wide : undefined) ?? kernels.exports;
    calls.call(gemmTurned, WORKSPACE_ARGUMENT, [n, m, k, b, bAcross, bDown, a, aAcross, aDown, c, p.cRow * bytes, mode, bias, workspace]);
  } else if (path === "empty") {
    // One step of 0 * 0 leaves what mode and bias ask for.
    calls.call(kernels.exports.gemm, WORKSPACE_ARGUMENT, [m, n, 1, ZERO, 0, 0, ZERO, 0, 0, c, p.cRow * bytes, mode, bias, workspace]);
  } else if (path === "columnByRows") callRows(calls, kernels, [m, k, b, a, aDown, c, mode, workspace]);
  else if (path === "columnByColumns") calls.call(kernels.exports.gemvColumns, 0, [m, k, b, a, aAcross, c, mode]);
  else {
    if (bias) calls.call(kernels.exports.copy, 0, [c, bias, n * bytes]);
    const start = bias ? mode | ACCUMULATE : mode;
    if (path === "rowByRows") callRows(calls, kernels, [n, k, a, b, bAcross, c, start, workspace]);
    else calls.call(kernels.exports.gemvColumns, 0, [n, k, a, b, bDown, c, start]);
  }
}

/** Calls `gemvRows`, whose last argument is its workspace. */
function callRows(calls: Calls, kernels: GemmKernels, args: readonly number[]): void {
  calls.call((kernels.wide ?? kernels.exports).gemvRows, 1 << 7, args);
}

/**
 * `c[m, n] = a[m, k] b[k, n]`. Pointers are in bytes; strides are in elements, from row to row and from column to column, and of any sign;
 * the rows of c are contiguous and `cRow` apart. `mode` combines ACCUMULATE and RELU; `bias` (0 for none) points to n values.
 */
export function product(
  kernels: GemmKernels,
  workspace: Pointer,
  m: number,
  n: number,
  k: number,
  a: Pointer,
  aRow: number,
  aColumn: number,
  b: Pointer,
  bRow: number,
  bColumn: number,
  c: Pointer,
  cRow: number,
  mode = 0,
  bias: Pointer = 0,
): void {
  if (m === 0 || n === 0) return;
  const p = { m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias };
  callProduct(DIRECT, kernels, pathOf(p, kernels), p, workspace);
}

/** Rows and columns that a part of a product has a multiple of: tiles of rows, and a cache line. */
const ROW_UNIT = 8;
const COLUMN_UNIT = 16;
/** Rows or columns from which packing the other operand once more for a part takes little of its time. */
const PART_SIZE = 512;

/** Hands the range of a product along its longer side to `body` for each thread, see {@link shareRange}. */
export function shareProduct(
  pool: ThreadPool,
  nanoseconds: number,
  p: Product,
  bytes: number,
  body: (calls: Calls, part: Product) => void,
): void {
  const most = Math.max(getNumThreads(), Math.floor(Math.max(p.m, p.n) / PART_SIZE));
  const rows = (calls: Calls, first: number, end: number): void =>
    body(calls, { ...p, m: end - first, a: p.a + first * p.aRow * bytes, c: p.c + first * p.cRow * bytes });
  const columns = (calls: Calls, first: number, end: number): void => {
    const bias = p.bias ? p.bias + first * bytes : 0;
    body(calls, { ...p, n: end - first, b: p.b + first * p.bColumn * bytes, c: p.c + first * bytes, bias });
  };
  if (p.m >= p.n) shareRange(pool, nanoseconds, p.m, ROW_UNIT, rows, most);
  else shareRange(pool, nanoseconds, p.n, COLUMN_UNIT, columns, most);
}
