import { type Device, type DType, Generator, itemSize, randn, type Shape, Tensor, ValueError, zeros } from "@sconce/core";
import type { RemovableHandle } from "./hooks.js";
import { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from "./layers/conv.js";
import { Linear } from "./layers/linear.js";
import type { Module } from "./module.js";
import { isLazy, type Parameter } from "./parameter.js";

/** A column of the table. */
export type SummaryColumn = "inputSize" | "outputSize" | "kernelSize" | "params" | "trainable" | "multAdds";

/** Options of {@link summary}. */
export interface SummaryOptions {
  /** Inputs instead of sizes: the arguments of the model. */
  readonly inputData?: readonly unknown[];
  /** Dtype of an input made of a size, float32 by default; integers are zeros. */
  readonly dtypes?: readonly DType[];
  /** Device of an input made of a size; that of the first parameter by default. */
  readonly device?: Device;
  /** Levels of modules to show, 3 by default. */
  readonly depth?: number;
  /** Columns after the layer's name: outputSize, params and multAdds by default. */
  readonly columns?: readonly SummaryColumn[];
}

/** A call of a module, as {@link summary} saw it. */
export interface LayerInfo {
  /** Name of the class. */
  readonly className: string;
  /** Name in its parent; empty for the model. */
  readonly name: string;
  /** 0 for the model, 1 for its layers. */
  readonly depth: number;
  readonly inputSize: readonly Shape[];
  readonly outputSize: readonly Shape[];
  readonly kernelSize: readonly number[] | null;
  /** Elements of the parameters of the module and all below it. */
  readonly params: number;
  readonly trainableParams: number;
  /** Multiplications with additions of the layers without submodules inside. */
  readonly multAdds: number;
  /** True if an earlier call was of the same module: its parameters are counted once. */
  readonly repeated: boolean;
  /** True if it has no submodules. */
  readonly leaf: boolean;
  /** Bytes of the results. */
  readonly outputBytes: number;
}

/** What {@link summary} found; prints as a table. */
export class ModelSummary {
  readonly layers: readonly LayerInfo[];
  readonly totalParams: number;
  readonly trainableParams: number;
  /** Multiplications with additions of one pass. */
  readonly totalMultAdds: number;
  /** Bytes of the inputs. */
  readonly inputBytes: number;
  /** Bytes of the parameters. */
  readonly paramBytes: number;
  readonly #depth: number;
  readonly #columns: readonly SummaryColumn[];

  constructor(layers: readonly LayerInfo[], parameters: readonly Parameter[], inputBytes: number, options: SummaryOptions) {
    this.layers = layers;
    const known = parameters.filter((p) => !isLazy(p));
    this.totalParams = sum(known.map((p) => p.numel()));
    this.trainableParams = sum(known.filter((p) => p.trainable).map((p) => p.numel()));
    this.totalMultAdds = sum(layers.filter(({ leaf }) => leaf).map(({ multAdds }) => multAdds));
    this.inputBytes = inputBytes;
    this.paramBytes = sum(known.map((p) => p.numel() * itemSize(p.dtype)));
    this.#depth = options.depth ?? 3;
    this.#columns = options.columns ?? ["outputSize", "params", "multAdds"];
  }

  /** Bytes of the results of all layers without submodules, once for the pass forward and once for the gradients. */
  get forwardBackwardBytes(): number {
    return 2 * sum(this.layers.filter(({ leaf }) => leaf).map(({ outputBytes }) => outputBytes));
  }

  /** The table. */
  toString(): string {
    const shown = this.layers.filter(({ depth }) => depth <= this.#depth);
    const rows = [["Layer (type:depth-idx)", ...this.#columns.map((c) => TITLES[c])]];
    const counts = new Map<number, number>();
    shown.forEach((layer, i) => {
      const index = (counts.get(layer.depth) ?? 0) + 1;
      counts.set(layer.depth, index);
      const label = layer.depth === 0 ? layer.className : `${branch(shown, i)}${layer.className}: ${layer.depth}-${index}`;
      rows.push([label, ...this.#columns.map((c) => cell(layer, c))]);
    });
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)) + 2);
    const lines = rows.map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column]))
        .join("")
        .trimEnd(),
    );
    const rule = "=".repeat(Math.max(sum(widths), 40));
    return [rule, lines[0], rule, ...lines.slice(1), rule, ...this.#totals(), rule, ...this.#sizes(), rule].join("\n");
  }

  #totals(): string[] {
    const { totalParams, trainableParams, totalMultAdds } = this;
    const [unit, divisor] = (
      [
        ["T", 1e12],
        ["G", 1e9],
        ["M", 1e6],
        ["k", 1e3],
      ] as const
    ).find(([, d]) => totalMultAdds >= d) ?? ["", 1];
    const text = divisor === 1 ? String(totalMultAdds) : (totalMultAdds / divisor).toFixed(2);
    return [
      `Total params: ${grouped(totalParams)}`,
      `Trainable params: ${grouped(trainableParams)}`,
      `Non-trainable params: ${grouped(totalParams - trainableParams)}`,
      `Total mult-adds${unit === "" ? "" : ` (${unit})`}: ${text}`,
    ];
  }

  #sizes(): string[] {
    const { inputBytes, forwardBackwardBytes, paramBytes } = this;
    const lines = {
      "Input size": inputBytes,
      "Forward/backward pass size": forwardBackwardBytes,
      "Params size": paramBytes,
      "Estimated Total Size": inputBytes + forwardBackwardBytes + paramBytes,
    };
    return Object.entries(lines).map(([name, bytes]) => `${name} (MB): ${(bytes / 1e6).toFixed(2)}`);
  }
}

// `console.log` in Node prints the table.
Object.defineProperty(ModelSummary.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: ModelSummary): string {
    return this.toString();
  },
});

const TITLES: { readonly [C in SummaryColumn]: string } = {
  inputSize: "Input Shape",
  outputSize: "Output Shape",
  kernelSize: "Kernel Shape",
  params: "Param #",
  trainable: "Trainable",
  multAdds: "Mult-Adds",
};

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** 1234567 as "1,234,567". */
function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

function shapes(sizes: readonly Shape[]): string {
  return sizes.length === 0 ? "--" : sizes.map((s) => `[${s.join(", ")}]`).join(", ");
}

function cell(layer: LayerInfo, column: SummaryColumn): string {
  const { params, trainableParams, multAdds, repeated, leaf } = layer;
  switch (column) {
    case "inputSize":
    case "outputSize":
      return shapes(layer[column]);
    case "kernelSize":
      return layer.kernelSize === null ? "--" : `[${layer.kernelSize.join(", ")}]`;
    case "params":
      if (repeated && params > 0) return "(recursive)";
      return params === 0 ? "--" : grouped(params);
    case "trainable":
      return params === 0 ? "--" : trainableParams === params ? "True" : trainableParams === 0 ? "False" : "Partial";
    case "multAdds":
      return !leaf || multAdds === 0 ? "--" : grouped(multAdds);
  }
}

/** The lines of the tree before a layer. */
function branch(layers: readonly LayerInfo[], at: number): string {
  const { depth } = layers[at];
  /** Whether another layer of a depth follows before the tree leaves it. */
  const goesOn = (level: number): boolean => {
    for (let i = at + 1; i < layers.length && layers[i].depth >= level; i++) if (layers[i].depth === level) return true;
    return false;
  };
  let text = "";
  for (let level = 1; level < depth; level++) text += goesOn(level) ? "│    " : "     ";
  return text + (goesOn(depth) ? "├─" : "└─");
}

/** Shapes of the tensors in arguments or results. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value !== null && typeof value === "object") return Object.values(value).flatMap(tensorsIn);
  return [];
}

/** How often each weight is multiplied: once for every place of a convolution or row of a linear layer, else once for each sample. */
function multAddsOf(module: Module, input: readonly Tensor[], output: readonly Tensor[]): number {
  const params = sum(module.parameters().map((p) => p.numel()));
  if (params === 0 || output.length === 0) return 0;
  const [first] = output;
  if (module instanceof Linear) return (params * first.numel()) / module.outFeatures;
  if (isConv(module)) {
    // A transposed convolution multiplies at every place of its input.
    const { weight, bias, outChannels } = module;
    const places = isTransposed(module) ? input[0].numel() / module.inChannels : first.numel() / outChannels;
    return weight.numel() * places + (bias === null ? 0 : first.numel());
  }
  return params * (first.ndim > 0 ? first.shape[0] : 1);
}

type AnyConv = Conv1d | Conv2d | Conv3d | ConvTranspose1d | ConvTranspose2d | ConvTranspose3d;

function isConv(module: Module): module is AnyConv {
  return module instanceof Conv1d || module instanceof Conv2d || module instanceof Conv3d || isTransposed(module);
}

function isTransposed(module: Module): module is ConvTranspose1d | ConvTranspose2d | ConvTranspose3d {
  return module instanceof ConvTranspose1d || module instanceof ConvTranspose2d || module instanceof ConvTranspose3d;
}

function infoOf(
  module: Module,
  name: string,
  depth: number,
  input: readonly Tensor[],
  output: readonly Tensor[],
  repeated: boolean,
): LayerInfo {
  const parameters = module.parameters();
  const leaf = module.children().length === 0;
  const { kernelSize } = module as Partial<{ kernelSize: number | readonly number[] }>;
  return {
    className: module.constructor.name,
    name,
    depth,
    inputSize: input.map((t) => t.shape),
    outputSize: output.map((t) => t.shape),
    kernelSize: kernelSize === undefined ? null : typeof kernelSize === "number" ? [kernelSize] : kernelSize,
    params: sum(parameters.map((p) => p.numel())),
    trainableParams: sum(parameters.filter((p) => p.trainable).map((p) => p.numel())),
    multAdds: leaf ? multAddsOf(module, input, output) : 0,
    repeated,
    leaf,
    outputBytes: sum(output.map((t) => t.nbytes)),
  };
}

/** Watches every call while the model runs. */
class Watch {
  readonly layers: LayerInfo[] = [];
  readonly #handles: RemovableHandle[] = [];
  readonly #seen = new Set<Module>();
  #depth = 0;

  constructor(model: Module) {
    for (const [path, module] of model.namedModules()) {
      const name = path.slice(path.lastIndexOf(".") + 1);
      const places: number[] = [];
      this.#handles.push(
        module.registerForwardPreHook(() => {
          this.#depth++;
          // Kept free for the call, whose layers come after it.
          places.push(this.layers.push(undefined as never) - 1);
        }),
        module.registerForwardHook((_, inputs, output) => {
          const repeated = this.#seen.has(module);
          this.#seen.add(module);
          const at = places.pop() as number;
          this.layers[at] = infoOf(module, name, --this.#depth, tensorsIn(inputs), tensorsIn(output), repeated);
        }),
      );
    }
  }

  end(): void {
    for (const handle of this.#handles) handle.remove();
  }
}

/**
 * Runs a model once, in evaluation mode, and lists its layers with the shapes of their results, their parameters and their multiply-adds, and
 * the memory of it all: `console.log(summary(net, [1, 3, 32, 32]))`.
 *
 * Source: https://github.com/TylerYep/torchinfo
 * @param inputSize - the size of the input with its batch, or a size for each input
 * @throws ValueError if there is neither a size nor data.
 * @example
 * const net = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 2));
 * nn.summary(net, [1, 4]).totalParams; // 58
 */
export function summary(model: Module, inputSize?: Shape | readonly Shape[] | null, options: SummaryOptions = {}): ModelSummary {
  const inputs = options.inputData ?? makeInputs(model, inputSize, options);
  const training = model.modules().map((module) => [module, module.training] as const);
  const watch = new Watch(model);
  try {
    model.eval();
    (model as unknown as (...inputs: readonly unknown[]) => unknown)(...inputs);
  } finally {
    watch.end();
    for (const [module, mode] of training) module.training = mode;
  }
  const inputBytes = sum(tensorsIn(inputs).map((t) => t.nbytes));
  return new ModelSummary(watch.layers, model.parameters(), inputBytes, options);
}

function makeInputs(
  model: Module,
  inputSize: Shape | readonly Shape[] | null | undefined,
  { dtypes = [], device }: SummaryOptions,
): Tensor[] {
  if (inputSize === undefined || inputSize === null)
    throw new ValueError("summary: expected the size of the input, or inputData; pass it, with the batch: summary(net, [1, 3, 32, 32])");
  const sizes = (inputSize.length > 0 && Array.isArray(inputSize[0]) ? inputSize : [inputSize]) as readonly Shape[];
  const place = device ?? model.parameters()[0]?.device;
  // The program's own random numbers go on as if nothing had run.
  const generator = new Generator(0);
  return sizes.map((size, i) => {
    const dtype = dtypes[i] ?? "float32";
    const where = place === undefined ? { dtype } : { dtype, device: place };
    return dtype.includes("float") ? randn([...size], { ...where, generator }) : zeros([...size], where);
  });
}
