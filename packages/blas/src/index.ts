/**
 * Matrix products of the CPU backend by the system's OpenBLAS, on the same memory: no copies. Off until {@link useBlas} is called.
 *
 * @module blas
 */
import { getNumThreads } from "@sconce/backend-cpu";
import { type MatrixProducts, type OutsideProduct, setMatrixProducts } from "@sconce/backend-cpu/outside";
import { NotSupportedError, ValueError } from "@sconce/core";

/** Options of {@link useBlas}. */
export interface BlasOptions {
  /** File of a library with the C interface `cblas_sgemm`; by default where the platform keeps OpenBLAS. */
  readonly library?: string;
  /** Threads of the library, `getNumThreads()` unless given. */
  readonly threads?: number;
}

/** A library in use. */
export interface Blas {
  /** The file that was loaded. */
  readonly library: string;
  /** How the library describes itself, such as `"OpenBLAS 0.3.21 DYNAMIC_ARCH NO_AFFINITY Zen MAX_THREADS=64"`. */
  readonly config: string;
  /** Goes back to the kernels of the backend. */
  stop(): void;
}

/** What is used of the package `koffi`. */
interface Foreign {
  load(path: string): { func(prototype: string): (...args: unknown[]) => unknown };
}

type Gemm = (...args: unknown[]) => unknown;

/** Arguments of the C interface. */
const [ROW_MAJOR, AS_IT_IS, TRANSPOSED] = [101, 111, 112];

/** Where OpenBLAS lies on each platform, the usual name first. */
const NAMES: { readonly [platform: string]: readonly string[] } = {
  linux: ["libopenblas.so.0", "libopenblas.so"],
  darwin: ["/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "/usr/local/opt/openblas/lib/libopenblas.dylib", "libopenblas.dylib"],
  win32: ["libopenblas.dll", "openblas.dll"],
};

/**
 * Lets OpenBLAS compute matrix products and convolutions on the CPU from now on, in float32 and float64. Small products stay with the
 * backend's own kernels. Results differ in the last bits, as sums are taken in another order.
 *
 * It needs the package `koffi` and the library: `apt-get install libopenblas0-pthread` on Debian and Ubuntu, `brew install openblas` on macOS.
 * @throws NotSupportedError if the package or the library is missing, such as in browsers. @throws ValueError for a number of threads below 1.
 * @example
 * import { useBlas } from "@sconce/blas";
 *
 * const blas = await useBlas().catch((error: Error) => error.message); // what is missing, where it is missing
 */
export async function useBlas({ library, threads = getNumThreads() }: BlasOptions = {}): Promise<Blas> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ValueError(`useBlas: expected threads to be a positive integer, got ${threads}`);
  }
  const koffi = await loadKoffi();
  const found = open(koffi, library === undefined ? (NAMES[process.platform] ?? NAMES.linux) : [library]);
  const { lib, path } = found;
  const gemm = (name: string, real: string): Gemm =>
    lib.func(
      `void ${name}(int order, int transA, int transB, int m, int n, int k, ${real} alpha, void *a, int lda, void *b, int ldb, ${real} beta, void *c, int ldc)`,
    );
  const [single, double] = [gemm("cblas_sgemm", "float"), gemm("cblas_dgemm", "double")];
  setThreads(lib, threads);
  const products: MatrixProducts = {
    multiply: (memory, dtype, product) => {
      if (dtype === "float32") call(single, Float32Array, memory, product);
      else call(double, Float64Array, memory, product);
    },
  };
  setMatrixProducts(products);
  return {
    library: path,
    config: describe(lib),
    stop: () => setMatrixProducts(null),
  };
}

type Library = ReturnType<Foreign["load"]>;

async function loadKoffi(): Promise<Foreign> {
  // Bundlers leave the name alone: the package holds machine code.
  const name = "koffi";
  try {
    const module = (await import(name)) as { default: Foreign };
    return module.default;
  } catch (error) {
    throw new NotSupportedError(`useBlas: expected the package koffi, got none (${(error as Error).message}); run npm install koffi`);
  }
}

/** Loads the first library of a list that there is. */
function open(koffi: Foreign, names: readonly string[]): { readonly lib: Library; readonly path: string } {
  const reasons: string[] = [];
  for (const path of names) {
    try {
      return { lib: koffi.load(path), path };
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new NotSupportedError(
    `useBlas: expected the library ${names.join(" or ")}, got none (${reasons.join("; ")}); ` +
      "install OpenBLAS, such as libopenblas0-pthread on Debian, or name its file: useBlas({ library })",
  );
}

/** Other libraries than OpenBLAS have the same products and no such function. */
function setThreads(lib: Library, threads: number): void {
  try {
    lib.func("void openblas_set_num_threads(int n)")(threads);
  } catch {
    // Its own setting holds.
  }
}

function describe(lib: Library): string {
  try {
    return String(lib.func("const char *openblas_get_config(void)")());
  } catch {
    return "unknown";
  }
}

/** An array type over a shared or an own memory. */
type Elements = new (memory: ArrayBufferLike, at: number) => Float32Array | Float64Array;

function call(gemm: Gemm, Array: Elements, memory: ArrayBufferLike, { m, n, k, a, b, c, leading, accumulate }: OutsideProduct): void {
  const [left, right] = [a, b].map(({ transposed }) => (transposed ? TRANSPOSED : AS_IT_IS));
  const beta = accumulate ? 1 : 0;
  const [x, y, z] = [new Array(memory, a.at), new Array(memory, b.at), new Array(memory, c)];
  gemm(ROW_MAJOR, left, right, m, n, k, 1, x, a.leading, y, b.leading, beta, z, leading);
}
