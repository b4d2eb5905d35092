/**
 * 256-bit vectors: V8 from Node 24 on can join pairs of the 128-bit vectors that WebAssembly has, behind a flag of its own that counts as
 * experimental. So it is asked for, checked, and refused where it does not work.
 *
 * @module
 */
import { NotSupportedError, ValueError } from "@sconce/core";
import { instantiate } from "./wasm/asm.js";
import { convForward, convKernels, withWide } from "./wasm/conv.js";
import { kernelOptions, nodeProcess } from "./wasm/features.js";
import { ACCUMULATE, emitWideGemm, FLOAT32, gemmKernels } from "./wasm/gemm.js";
import { Heap, type Pointer } from "./wasm/memory.js";
import { isWide, useWide } from "./wide-state.js";

/** Settings of the CPU for the whole process. */
export interface CpuSettings {
  /** Computes with vectors of 256 bits: products, convolutions and functions of float32 are about twice as fast, with the same bits in the results. */
  readonly wide?: boolean;
}

const FLAG = "--experimental-wasm-revectorize";
const FIRST_NODE = 24;
/** Milliseconds in which the engine must have optimised the kernel. */
const PATIENCE = 1000;
/** How much faster the kernel is at least once the engine joins vectors. */
const LEAST_GAIN = 1.3;

/**
 * Changes how the CPU computes. `wide` switches an experimental feature of V8 on, which Node 24 and later have on x86-64 processors; the
 * environment variable `SCONCE_CPU_WIDE=1` does the same at the start. It compares the wide kernel with the normal one bit by bit first.
 *
 * @throws ValueError for other settings.
 * @throws NotSupportedError where `wide` does not work: on other platforms, and where results differ or come no faster.
 * @example
 * configureCpu({ wide: false });
 */
export function configureCpu(settings: CpuSettings): void {
  const wanted = checked(settings);
  if (wanted === true && !isWide()) {
    requireWide();
    const heap = new Heap({ shared: false, maximum: 256 });
    checkProducts(heap);
    checkConvolutions(heap);
  }
  if (wanted !== undefined) useWide(wanted);
}

/** The setting, of which there is one. @throws ValueError for any other, and for what is no boolean. */
function checked(settings: CpuSettings): boolean | undefined {
  const entries = typeof settings === "object" && settings !== null ? Object.entries(settings) : [];
  const isKnown = entries.every(([name, value]) => name === "wide" && (value === undefined || typeof value === "boolean"));
  if (isKnown && typeof settings === "object" && settings !== null) return settings.wide;
  const got = JSON.stringify(settings) ?? String(settings);
  throw new ValueError(`configureCpu: expected settings such as { wide: true }, got ${got}; setNumThreads() sets the threads`);
}

const refuse = (reason: string): NotSupportedError =>
  new NotSupportedError(`configureCpu: expected Node ${FIRST_NODE} or later on x64 for wide vectors, ${reason}; leave \`wide\` out`);

/** Switches the flag on. Older versions would print a warning for it, or accept it without effect. */
function requireWide(): void {
  const node = nodeProcess();
  if (node === undefined) throw refuse("got a platform that is not Node");
  const version = Number.parseInt(node.versions?.node ?? "0", 10);
  if (version < FIRST_NODE || node.arch !== "x64") throw refuse(`got Node ${node.versions?.node} on ${node.arch}`);
  node.getBuiltinModule?.("node:v8")?.setFlagsFromString(FLAG);
}

const [ROWS, COLUMNS, DEPTH] = [61, 83, 300];

/** Runs both kernels on the same numbers until the wide one is optimised. */
function checkProducts(heap: Heap): void {
  const options = kernelOptions(heap);
  const { exports, workspaceBytes } = gemmKernels(heap, FLOAT32, options);
  const kernels = [exports, instantiate(emitWideGemm(options), heap.memory)];
  const [a, b, ...results] = [ROWS * DEPTH, DEPTH * COLUMNS, ROWS * COLUMNS, ROWS * COLUMNS].map((n) => heap.alloc(4 * n));
  const workspace = heap.workspace(0, workspaceBytes);
  for (let i = 0; i < DEPTH * COLUMNS; i++) heap.f32[b / 4 + i] = Math.fround(Math.sin(1 + 7 * i));
  for (let i = 0; i < ROWS * DEPTH; i++) heap.f32[a / 4 + i] = Math.fround(Math.cos(3 * i));
  const run = (kernel: number, mode: number): number => {
    const start = performance.now();
    const [left, right] = [[a, 4 * DEPTH, 4] as const, [b, 4, 4 * DEPTH] as const];
    kernels[kernel].gemm(ROWS, COLUMNS, DEPTH, ...left, ...right, results[kernel], 4 * COLUMNS, mode, 0, workspace);
    return performance.now() - start;
  };
  const turn = (kernel: number): void => {
    const [left, right] = [[a, 4, 4 * ROWS] as const, [b, 4 * COLUMNS, 4] as const];
    kernels[kernel].gemmTurned(ROWS, COLUMNS, DEPTH, ...left, ...right, results[kernel], 4 * ROWS, 0, 0, workspace);
  };
  const shortest = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const end = performance.now() + PATIENCE; performance.now() < end; ) {
    for (const mode of [0, ACCUMULATE]) {
      for (const kernel of [0, 1]) shortest[kernel] = Math.min(shortest[kernel], run(kernel, mode));
      requireEqual(heap, results[0], results[1], ROWS * COLUMNS);
    }
    for (const kernel of [0, 1]) turn(kernel);
    requireEqual(heap, results[0], results[1], ROWS * COLUMNS);
    for (const kernel of [0, 1]) kernels[kernel].gemvRows(ROWS, DEPTH, b, a, 4 * DEPTH, results[kernel], 0, workspace);
    requireEqual(heap, results[0], results[1], ROWS);
    if (shortest[0] > LEAST_GAIN * shortest[1]) return;
  }
  throw refuse("got no faster results than without them");
}

function requireEqual({ i32 }: Heap, x: Pointer, y: Pointer, count: number): void {
  for (let i = 0; i < count; i++) if (i32[x / 4 + i] !== i32[y / 4 + i]) throw refuse("got other bits than without them");
}

/** Runs long enough for the engine to optimise, as the products have shown. */
const CONVOLUTIONS = 50;

function checkConvolutions(heap: Heap): void {
  const options = kernelOptions(heap);
  const narrow = convKernels(heap, options);
  const kernels = [narrow, withWide(heap, narrow, options)];
  const pair = (n: number): [number, number] => [n, n];
  const tiles = { batch: 1, channels: 16, filters: 35, groups: 1, input: pair(17), kernel: pair(3) };
  const geometry = { ...tiles, output: pair(15), stride: pair(1), padding: pair(0), dilation: pair(1) };
  // Rows of few channels, with tiles of each height.
  const rows = { ...geometry, channels: 1, output: pair(17), padding: pair(1) };
  const [images, weights, outputs] = [16 * 17 * 17, 35 * 16 * 9, 35 * 15 * 15];
  const [x, w, ...results] = [images, weights, outputs, outputs].map((n) => heap.alloc(4 * n));
  for (let i = 0; i < images; i++) heap.f32[x / 4 + i] = Math.fround(Math.sin(1 + 7 * i));
  for (let i = 0; i < weights; i++) heap.f32[w / 4 + i] = Math.fround(Math.cos(3 * i));
  for (let i = 0; i < CONVOLUTIONS; i++) {
    for (const g of [geometry, { ...rows, filters: 11 }, { ...rows, filters: 9 }]) {
      for (const k of [0, 1]) convForward(heap, kernels[k], g)(x, w, 0, results[k]);
      requireEqual(heap, results[0], results[1], outputs);
    }
  }
}
