/**
 * What this JavaScript engine can do for kernels, found out by trying and not by version numbers.
 *
 * @module
 */
import { ModuleBuilder, V128 } from "./asm.js";

/** Facts about the engine that decide how kernels are emitted and where they live. */
export interface Features {
  /** 128-bit SIMD; without it the WASM kernels cannot be used. */
  readonly simd: boolean;
  /** `relaxed_madd` validates: multiply and add in one instruction. */
  readonly relaxedSimd: boolean;
  /** A WebAssembly memory can be shared with workers. */
  readonly sharedMemory: boolean;
  /** The main thread may block in `Atomics.wait`. */
  readonly canBlock: boolean;
  readonly engine: "v8" | "spidermonkey" | "javascriptcore" | "unknown";
  /** Major version of V8 in Node, 0 elsewhere. V8 up to 12 moves the loads of a block to its front, so kernels must not unroll. */
  readonly v8Version: number;
}

/** What is used of `process` in Node. */
export interface NodeProcess {
  readonly arch?: string;
  readonly versions?: { readonly node?: string; readonly v8?: string };
  readonly env?: { readonly [name: string]: string | undefined };
  getBuiltinModule?(name: string): { setFlagsFromString(flag: string): void } | undefined;
}

const RELAXED_FLAG = "--experimental-wasm-relaxed-simd";

/** The process in Node, undefined elsewhere. */
export function nodeProcess(): NodeProcess | undefined {
  const candidate = (globalThis as { process?: NodeProcess }).process;
  return candidate?.versions?.node ? candidate : undefined;
}

function validates(op: "f32x4.add" | "f32x4.relaxed_madd", operands: number): boolean {
  if (typeof WebAssembly === "undefined") return false;
  const module = new ModuleBuilder({ shared: false, maximum: 1 });
  const f = module.function("f", Array(operands).fill(V128), [V128]);
  for (let i = 0; i < operands; i++) f.get(i);
  f.op(op);
  return WebAssembly.validate(module.bytes());
}

/** Node 20 has relaxed SIMD behind a flag that works at run time; newer versions have it without, and print a warning for the flag. */
function relaxedSimd(): boolean {
  const node = nodeProcess();
  if (node?.versions?.node?.startsWith("20.")) node.getBuiltinModule?.("node:v8")?.setFlagsFromString(RELAXED_FLAG);
  return validates("f32x4.relaxed_madd", 3);
}

function sharedMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  return nodeProcess() !== undefined || (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}

function engine(): Features["engine"] {
  if (nodeProcess()?.versions?.v8) return "v8";
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? "";
  if (/Chrom(e|ium)\//.test(agent)) return "v8";
  if (/Firefox\//.test(agent)) return "spidermonkey";
  return /AppleWebKit\//.test(agent) ? "javascriptcore" : "unknown";
}

let detected: Features | undefined;

/** Probes once; on Node 20 this also switches relaxed SIMD on for the process. */
export function detectFeatures(): Features {
  detected ??= {
    simd: validates("f32x4.add", 2),
    relaxedSimd: relaxedSimd(),
    sharedMemory: sharedMemory(),
    canBlock: nodeProcess() !== undefined || typeof (globalThis as { document?: unknown }).document === "undefined",
    engine: engine(),
    v8Version: Number.parseInt(nodeProcess()?.versions?.v8 ?? "0", 10),
  };
  return detected;
}

/** How kernels are emitted; a module depends on nothing else about the engine. */
export interface KernelOptions {
  /** Multiply and add with one rounding where the engine has it. */
  readonly fma: boolean;
  /** The register tile of matrix products, see gemm-emit. */
  readonly tile: "short" | "tall" | "grouped";
  /** The memory that kernels import is shared. */
  readonly shared: boolean;
  /** Declared maximum of that memory in 64 KiB pages. */
  readonly maximum: number;
}

/**
 * The emission options for a memory. `deterministic` keeps to separate multiplications and additions, whose results are the same bits
 * on every engine.
 */
export function kernelOptions(memory: { readonly shared: boolean; readonly maximum: number }, deterministic = false): KernelOptions {
  const fma = !deterministic && detectFeatures().relaxedSimd;
  return { fma, tile: tileFor(fma), shared: memory.shared, maximum: memory.maximum };
}

/** Separate multiplications take a register more. */
function tileFor(fma: boolean): KernelOptions["tile"] {
  const { engine, v8Version } = detectFeatures();
  if (!fma || engine === "unknown") return "short";
  return v8Version > 0 && v8Version < 13 ? "grouped" : "tall";
}
