/** A tensor as the golden files write it; see `golden/SCHEMA.md`. */
export interface GoldenTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements in row-major order; non-finite ones as text. */
  readonly data?: readonly (number | string)[];
  /** Little-endian bytes of the elements instead of `data`. */
  readonly b64?: string;
  /** Element strides, where the tensor was not contiguous. */
  readonly strides?: readonly number[];
}

/** Any value of a golden file. */
export type GoldenValue =
  | null
  | boolean
  | number
  | string
  | GoldenTensor
  | readonly GoldenValue[]
  | { readonly [key: string]: GoldenValue };

/** Numbers by the path of the argument: `args.0`, `kwargs.weight`. */
export type GoldenMap = { readonly [path: string]: GoldenTensor | null };

/** Largest difference between float32 and float64, and the largest magnitude, of outputs and gradients. */
export interface GoldenError {
  readonly out?: readonly [number, number];
  readonly grads?: readonly [number, number];
}

/** What a call took and gave, with gradients of `sum(out * cotangent)`. */
export interface CallCase {
  readonly id: string;
  readonly args: readonly GoldenValue[];
  readonly kwargs: { readonly [name: string]: GoldenValue };
  readonly out?: GoldenValue;
  readonly cotangent?: GoldenMap;
  readonly grads?: GoldenMap;
  readonly err?: GoldenError;
}

/** A case of the groups ops, special_values and functional. */
export interface OpCase extends CallCase {
  readonly op: string;
  readonly variant?: string;
  readonly call: string;
  readonly dtype?: string;
  readonly second?: { readonly w: GoldenMap; readonly grads: GoldenMap; readonly cotangent_grads: GoldenMap };
  readonly stochastic?: string;
  readonly out_meta?: GoldenValue;
  readonly unstable?: boolean;
  readonly gauge?: boolean;
  readonly ties?: boolean;
}

/** A case of the group modules. */
export interface ModuleCase extends CallCase {
  readonly module: string;
  readonly ctor: { readonly args: readonly GoldenValue[]; readonly kwargs: { readonly [name: string]: GoldenValue } };
  readonly training: boolean;
  readonly label?: string;
  readonly state: { readonly [name: string]: GoldenTensor };
  readonly param_grads?: GoldenMap;
  readonly state_after?: { readonly [name: string]: GoldenTensor };
}

/** What is known of an operator: its public call, signatures, and how widely it is used (tier 1 to 3). */
export interface OpInfo {
  readonly area: string;
  readonly call: string;
  readonly inplace: boolean;
  readonly method: boolean;
  readonly signature: readonly string[];
  readonly tier: 1 | 2 | 3;
}

/** Files of each group that the runners read. */
const AREAS: { readonly [group: string]: readonly string[] } = {
  ops: ["binary", "fft", "linalg", "masked", "nn_conv_pool", "nn_loss", "nn_other", "reduction", "special", "tensor", "unary"],
  special_values: ["binary", "unary"],
  functional: ["functional"],
  modules: ["activation", "attention", "container", "conv", "dropout_resize", "linear_embed", "loss", "norm", "pad", "pool", "recurrent"],
  optim: ["clip", "given_gradients", "lbfgs", "lr_scheduler", "mlp", "optimizer_with_scheduler", "param_groups", "quadratic"],
  init: ["init"],
  einsum: ["einsum"],
  indexing: ["get", "set"],
  programs: ["engine", "views_inplace", "random_graphs"],
  promotion: ["result_type", "op_dtypes", "cast", "broadcast_shapes"],
  repr: ["repr"],
  rng: ["streams"],
  errors: ["errors"],
};

/** Reads a file below `golden/`, unzipped; from the disk in Node, over the network in a browser. */
export async function readGolden(path: string): Promise<string> {
  // By way of a variable: Vite takes the pattern with import.meta.url for an asset.
  const here = import.meta.url;
  const url = new URL(`../golden/${path}`, here);
  const bytes = url.protocol === "file:" ? await readFile(url) : await fetchFile(url);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function readFile(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const fs = await import("node:fs/promises");
  return new Uint8Array(await fs.readFile(url));
}

async function fetchFile(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The cases of one area. */
export async function readCases<T = OpCase>(group: string, area: string): Promise<T[]> {
  const text = await readGolden(`${group}/${area}.jsonl.gz`);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

/** The cases of all areas of a group. */
export async function readGroup<T = OpCase>(group: string): Promise<T[]> {
  const areas = await Promise.all(AREAS[group].map((area) => readCases<T>(group, area)));
  return areas.flat();
}

/** One JSON document below `golden/`. */
export async function readDocument<T>(path: string): Promise<T> {
  return JSON.parse(await readGolden(path)) as T;
}

/** True for a tensor of a golden file. */
export function isGoldenTensor(value: unknown): value is GoldenTensor {
  return typeof value === "object" && value !== null && "dtype" in value && "shape" in value;
}
