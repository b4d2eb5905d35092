import {
  addLayer,
  addPrintSuffix,
  addTensorOption,
  DTypeError,
  formatShape,
  isFloatingPoint,
  SconceError,
  sameShape,
  Tensor,
  tracer,
} from "@sconce/core";
import { type BackwardOptions, backward } from "./backward.js";
import { noGrad } from "./grad-mode.js";
import { escape, type History, historyOf, knownHistory, needsGrad } from "./history.js";
import { registerHook, registerPostAccumulateGradHook } from "./hooks.js";
import { mutate } from "./inplace.js";
import { type GradHook, type HookHandle, type Node, shown } from "./node.js";
import { call, composite } from "./tape.js";

declare module "@sconce/core" {
  interface Tensor {
    /** The gradient that backward added up; null before. */
    grad: Tensor | null;
    /**
     * Whether gradients of the tensor are asked for.
     * @throws SconceError if it is set on the result of a recorded op. @throws DTypeError unless the dtype is floating-point.
     */
    requiresGrad: boolean;
    /** The op that made the tensor; null for a leaf. */
    readonly gradFn: Node | null;
    /** True if no recorded op made the tensor. */
    readonly isLeaf: boolean;
    /** Which output of {@link gradFn} the tensor is. */
    readonly outputNr: number;
    /** True if backward keeps the gradient of this tensor though it is no leaf. */
    readonly retainsGrad: boolean;
    /**
     * Sets {@link requiresGrad} and returns the tensor.
     * @throws SconceError on the result of a recorded op. @throws DTypeError unless the dtype is floating-point.
     * @example
     * const w = randn([2, 3]).requiresGrad_();
     */
    requiresGrad_(on?: boolean): Tensor;
    /** Makes backward keep the gradient of a tensor that is no leaf. @throws SconceError if it does not require gradients. */
    retainGrad(): void;
    /**
     * Adds the gradients of this tensor to the `grad` of the leaves that it was computed from.
     *
     * Source: https://pytorch.org/docs/stable/generated/torch.Tensor.backward.html
     *
     * @throws SconceError if it does not require gradients, or the graph was freed by an earlier walk.
     * @throws ShapeError if it has more than one element and no gradient is given.
     * @example
     * const x = tensor([1, 2, 3], { requiresGrad: true });
     * x.square().sum().backward();
     * x.grad; // [2, 4, 6]
     */
    backward(gradient?: Tensor | null | BackwardOptions, options?: Omit<BackwardOptions, "gradient">): void;
    /**
     * Calls `fn` with each gradient of this tensor; what it returns takes its place.
     * @throws SconceError if the tensor does not require gradients.
     * @example
     * const x = tensor([1, 2], { requiresGrad: true });
     * const handle = x.registerHook((g) => g.clamp({ min: -1, max: 1 }));
     * handle.remove();
     */
    registerHook(fn: GradHook): HookHandle;
    /**
     * Calls `fn` with this leaf each time that backward has added to its `grad`: an optimizer step inside of backward, for example.
     * @throws SconceError unless the tensor is a leaf that requires gradients.
     * @example
     * const w = tensor([1, 2], { requiresGrad: true });
     * w.registerPostAccumulateGradHook((leaf) => {
     *   noGrad(() => leaf.sub_((leaf.grad as Tensor).mul(0.1)));
     *   leaf.grad = null;
     * });
     */
    registerPostAccumulateGradHook(fn: (leaf: Tensor) => void): HookHandle;
    /** Forgets the gradient, or fills it with zeros. */
    zeroGrad(options?: ZeroGradOptions): void;
  }
  interface TensorOptions {
    /** Asks for gradients of the new tensor. */
    readonly requiresGrad?: boolean | undefined;
  }
}

/** How gradients are cleared. */
export interface ZeroGradOptions {
  /** Sets `grad` to null, the default, where it would be filled with zeros. */
  readonly setToNone?: boolean;
}

function setRequiresGrad(x: Tensor, on: boolean, op: string): Tensor {
  if (knownHistory(x)?.node) {
    if (on) return x;
    throw new SconceError(
      `${op}: you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't ` +
        "require differentiation use x.detach()",
    );
  }
  if (on && !isFloatingPoint(x.dtype)) {
    throw new DTypeError(
      `${op}: only Tensors of floating point dtype can require gradients, got ${x.dtype}; convert it with .float() first`,
      {
        dtypes: [x.dtype],
      },
    );
  }
  if (on) historyOf(x);
  return x.markTrainable(on);
}

function setGrad(x: Tensor, grad: Tensor | null): void {
  if (grad !== null) {
    const fits = grad instanceof Tensor && sameShape(grad.shape, x.shape) && grad.dtype === x.dtype && grad.device === x.device;
    if (!fits || grad === x) {
      const got = grad instanceof Tensor ? `${formatShape(grad.shape)} ${grad.dtype} on ${grad.device}` : typeof grad;
      throw new SconceError(
        `grad: expected another tensor of ${formatShape(x.shape)} ${x.dtype} on ${x.device}, or null, got ${got} (assigned grad has data of a different size or type)`,
      );
    }
    escape(grad);
  }
  if (tracer === null || tracer.ownsLeaf(x)) {
    historyOf(x).replaceGrad(grad);
    return;
  }
  const current = tracer.current(x);
  if (grad === null) tracer.effect(() => historyOf(current()).replaceGrad(null));
  else {
    const put = (given: Tensor): void => {
      escape(given);
      historyOf(current()).replaceGrad(given);
    };
    tracer.hand(grad, put, () => historyOf(current()).grad?.storage);
  }
}

let warned = false;

function getGrad(x: Tensor): Tensor | null {
  const history = x.slot as History | undefined;
  if (history === undefined) return null;
  if (history.grad === null && !warned && history.node !== null && !history.retains) {
    warned = true;
    console.warn(
      "sconce: the .grad of a tensor that is not a leaf is being read; backward() does not fill it. Call .retainGrad() on it first, or read the leaf's.",
    );
  }
  return history.showGrad();
}

/**
 * The gradient of a tensor for code that lets go of it before gradients are cleared, as an optimizer does: reading `grad` instead leaves
 * the memory to the garbage collector, for whoever may have kept it.
 * @example
 * loss.backward();
 * const square = gradOf(layer.weight)?.square().sum();
 */
export function gradOf(x: Tensor): Tensor | null {
  const history = x.slot as History | undefined;
  if (history === undefined) return null;
  return tracer === null ? history.grad : history.tracedGrad();
}

function retainGrad(x: Tensor): void {
  if (!needsGrad(x)) throw new SconceError("retainGrad: can't retainGrad on Tensor that has requiresGrad=false");
  const history = historyOf(x);
  if (history.node === null || history.retains) return;
  history.retains = true;
  history.setNode(history.node, history.output);
}

function backwardOf(x: Tensor, first: Tensor | null | undefined | BackwardOptions, rest: Omit<BackwardOptions, "gradient"> = {}): void {
  if (first instanceof Tensor || first === null || first === undefined) backward(x, first ?? null, rest);
  else {
    const { gradient = null, ...options } = first;
    backward(x, gradient, options);
  }
}

function zeroGrad(x: Tensor, options?: ZeroGradOptions): void {
  if (tracer === null || tracer.ownsLeaf(x)) clearGrad(x, options);
  else {
    const current = tracer.current(x);
    tracer.effect(() => clearGrad(current(), options));
  }
}

function clearGrad(x: Tensor, { setToNone = true }: ZeroGradOptions = {}): void {
  const history = x.slot as History | undefined;
  if (history?.grad === null || history === undefined) return;
  if (setToNone) history.replaceGrad(null);
  else noGrad(() => (history.grad as Tensor).detach_().zero_());
}

/** Adds autograd's members to core's tensors. */
function addMembers(prototype: Tensor): void {
  const property = <T>(name: keyof Tensor, get: (x: Tensor) => T, set?: (x: Tensor, value: T) => void): void => {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: Tensor) {
        return get(this);
      },
      ...(set && {
        set(this: Tensor, value: T) {
          set(this, value);
        },
      }),
    });
  };
  property("grad", getGrad, setGrad);
  property("requiresGrad", needsGrad, (x, on) => setRequiresGrad(x, on, "requiresGrad"));
  property("gradFn", (x) => {
    const node = knownHistory(x)?.node;
    return node ? shown(node) : null;
  });
  property("outputNr", (x) => {
    const history = knownHistory(x);
    return history?.node ? (history.node.group === null ? history.output : history.node.groupOutput) : 0;
  });
  property("isLeaf", (x) => !knownHistory(x)?.node);
  property("retainsGrad", (x) => knownHistory(x)?.retains ?? false);
  const methods: Pick<
    Tensor,
    "requiresGrad_" | "retainGrad" | "backward" | "registerHook" | "registerPostAccumulateGradHook" | "zeroGrad"
  > &
    ThisType<Tensor> = {
    requiresGrad_(on = true) {
      return setRequiresGrad(this, on, "requiresGrad_");
    },
    retainGrad() {
      retainGrad(this);
    },
    backward(gradient, options) {
      backwardOf(this, gradient, options);
    },
    registerHook(fn) {
      return registerHook(this, fn);
    },
    registerPostAccumulateGradHook(fn) {
      return registerPostAccumulateGradHook(this, fn);
    },
    zeroGrad(options) {
      zeroGrad(this, options);
    },
  };
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
}

/** The part of a tensor's text that autograd adds. */
function suffix(x: Tensor): string | undefined {
  const node = knownHistory(x)?.node;
  if (node) return `gradFn=<${shown(node).name}>`;
  return x.trainable ? "requiresGrad=true" : undefined;
}

addLayer({ call, composite, mutate });
addMembers(Tensor.prototype);
addPrintSuffix(suffix);
addTensorOption((x, { requiresGrad = false }) => {
  if (requiresGrad) setRequiresGrad(x, true, "requiresGrad");
});
