import { enableGrad, noGrad } from "@sconce/autograd";
import { cat, keep, optionsOf, realiseAll, type Tensor, ValueError, zeros } from "@sconce/core";
import { type LinePoint, strongWolfe } from "./line-search.js";
import { Optimizer, type OptimizerOptions, type ParamGroup, type Params } from "./optimizer.js";

/** Options of {@link LBFGS}. */
export interface LBFGSOptions extends OptimizerOptions {
  /** Iterations in one step, 20 by default. */
  maxIter: number;
  /** Evaluations in one step; null, the default, is 5/4 of `maxIter`. */
  maxEval: number | null;
  /** Ends a step once no element of the gradient is larger, 1e-7 by default. */
  toleranceGrad: number;
  /** Ends a step once loss and parameters change by less, 1e-9 by default. */
  toleranceChange: number;
  /** Steps that are remembered, 100 by default. */
  historySize: number;
  /** Searches along each direction; without it the step is `lr`. */
  lineSearchFn: "strong_wolfe" | null;
}

/** What goes from one iteration to the next. */
interface Memory {
  direction: Tensor | null;
  t: number;
  grad: Tensor | null;
  loss: number;
  readonly oldDirs: Tensor[];
  readonly oldSteps: Tensor[];
  readonly ro: number[];
  scale: number;
  iterations: number;
  evaluations: number;
}

/** The algorithm yields a tensor where it needs its number, or the closure's call where it needs a loss. */
type Read = Generator<Tensor, void, number>;

/**
 * Limited-memory BFGS over all parameters as one vector. Each step calls the closure several times.
 *
 * It needs losses as numbers: `step` where the device can block, {@link LBFGS.stepAsync} on every device.
 * Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", https://doi.org/10.1007/BF01589116
 * @throws ValueError for several groups or options out of range.
 * @example
 * const x = randn([4], { requiresGrad: true });
 * const optimizer = new LBFGS([x], { lineSearchFn: "strong_wolfe" });
 * optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = x.square().sum();
 *   loss.backward();
 *   return loss;
 * });
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  protected override readonly scalars = {
    func_evals: "number",
    n_iter: "number",
    t: "number",
    ro: "like",
    H_diag: "like",
    prev_loss: "number",
  } as const;
  protected override readonly tensors = {
    d: "optional",
    prev_flat_grad: "optional",
    old_dirs: "list",
    old_stps: "list",
    ro: "list",
  } as const;

  constructor(params: Params<LBFGSOptions>, options: Partial<LBFGSOptions> = {}) {
    const settings = optionsOf(new.target, options, {
      lr: 1,
      maxIter: 20,
      maxEval: Number,
      toleranceGrad: 1e-7,
      toleranceChange: 1e-9,
      historySize: 100,
      lineSearchFn: Object,
    });
    settings.maxEval ??= Math.floor(settings.maxIter * 1.25);
    super(params, settings);
    if (this.paramGroups.length !== 1) throw new ValueError("LBFGS doesn't support per-parameter options (parameter groups)");
    const { lineSearchFn } = this.#group;
    if (lineSearchFn !== null && lineSearchFn !== "strong_wolfe")
      throw new ValueError(`Invalid lineSearchFn (only 'strong_wolfe' is supported) value: ${lineSearchFn}`);
  }

  /** Rounds a number to the parameters' dtype, in which PyTorch keeps it. */
  readonly #round = (x: number): number => (this.#params[0].dtype === "float64" ? x : Math.fround(x));

  get #group(): ParamGroup<LBFGSOptions> {
    return this.paramGroups[0];
  }

  get #params(): readonly Tensor[] {
    return this.#group.params;
  }

  /**
   * Runs up to `maxIter` iterations and returns the loss before them.
   * @throws ValueError without a closure.
   * @throws NotSupportedError on a device that cannot block.
   */
  override step(closure?: null): undefined;
  override step(closure: () => Tensor): Tensor;
  override step(closure?: (() => Tensor) | null): Tensor | undefined {
    if (!closure) throw new ValueError("LBFGS.step: expected a closure that reevaluates the model and returns the loss");
    this.runHooks("before");
    const first = enableGrad(closure);
    const run = this.#iterate(first, () => enableGrad(closure));
    noGrad(() => {
      for (let next = run.next(); next.done !== true; ) next = run.next(next.value.itemSync());
    });
    this.runHooks("after");
    return first;
  }

  /** {@link LBFGS.step} on any device; the closure itself runs synchronously. */
  async stepAsync(closure: () => Tensor): Promise<Tensor> {
    this.runHooks("before");
    const first = enableGrad(closure);
    const run = this.#iterate(first, () => enableGrad(closure));
    let next = noGrad(() => run.next());
    while (next.done !== true) {
      const value = await next.value.item();
      next = noGrad(() => run.next(value));
    }
    this.runHooks("after");
    return first;
  }

  *#iterate(first: Tensor, closure: () => Tensor): Read {
    const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, lineSearchFn } = this.#group;
    const memory = this.#recall();
    memory.evaluations++;
    let loss = yield first;
    let grad = this.#flatGrad();
    let evaluations = 1;
    if ((yield grad.abs().max()) <= toleranceGrad) return this.#remember(memory);
    for (let iteration = 1; iteration <= maxIter; iteration++) {
      memory.iterations++;
      const direction = yield* this.#direction(memory, grad);
      memory.grad = grad;
      const before = (memory.loss = loss);
      memory.t = memory.iterations === 1 ? this.#round(Math.min(1, this.#round(1 / (yield grad.abs().sum()))) * lr) : lr;
      const slope = yield grad.dot(direction);
      if (slope > -toleranceChange) break;
      let calls = 0;
      if (lineSearchFn !== null) {
        const found = yield* this.#search({ t: 0, loss, slope, at: grad }, memory.t, direction, closure);
        ({ loss, at: grad, t: memory.t } = found.point);
        calls = found.evaluations;
        this.#moveBy(direction, memory.t);
      } else {
        this.#moveBy(direction, memory.t);
        // The loss after the last iteration is not used.
        if (iteration !== maxIter) {
          loss = yield closure();
          grad = this.#flatGrad();
          calls = 1;
        }
      }
      evaluations += calls;
      memory.evaluations += calls;
      if (iteration === maxIter || evaluations >= (maxEval as number) || (yield grad.abs().max()) <= toleranceGrad) break;
      if ((yield direction.mul(memory.t).abs().max()) <= toleranceChange || Math.abs(loss - before) < toleranceChange) break;
    }
    this.#remember(memory);
  }

  /** Minus the approximate inverse Hessian times the gradient. */
  *#direction(memory: Memory, grad: Tensor): Generator<Tensor, Tensor, number> {
    const { oldDirs, oldSteps, ro } = memory;
    if (memory.iterations === 1) return (memory.direction = grad.neg());
    yield* this.#addToHistory(memory, grad);
    const al: number[] = [];
    let q = grad.neg();
    for (let i = oldDirs.length - 1; i >= 0; i--) {
      al[i] = this.#round((yield oldSteps[i].dot(q)) * ro[i]);
      q = q.sub(oldDirs[i], { alpha: al[i] });
    }
    let direction = q.mul(memory.scale);
    for (let i = 0; i < oldDirs.length; i++) {
      const be = this.#round((yield oldDirs[i].dot(direction)) * ro[i]);
      direction = direction.add(oldSteps[i], { alpha: this.#round(al[i] - be) });
    }
    return (memory.direction = direction);
  }

  *#addToHistory(memory: Memory, grad: Tensor): Read {
    const change = grad.sub(memory.grad as Tensor);
    const step = (memory.direction as Tensor).mul(memory.t);
    const curvature = yield change.dot(step);
    if (curvature <= 1e-10) return;
    const { oldDirs, oldSteps, ro } = memory;
    for (const list of oldDirs.length === this.#group.historySize ? [oldDirs, oldSteps, ro] : []) list.shift();
    oldDirs.push(change);
    oldSteps.push(step);
    ro.push(this.#round(1 / curvature));
    memory.scale = this.#round(curvature / (yield change.dot(change)));
  }

  /** Searches along a direction from where the parameters are, and leaves them there. */
  *#search(
    start: LinePoint<Tensor>,
    first: number,
    direction: Tensor,
    closure: () => Tensor,
  ): Generator<Tensor, { readonly point: LinePoint<Tensor>; readonly evaluations: number }, number> {
    const home = this.#params.map((p) => p.detach().clone());
    const evaluate = function* (this: LBFGS, t: number): Generator<Tensor, LinePoint<Tensor>, number> {
      this.#moveBy(direction, t);
      const loss = yield closure();
      const at = this.#flatGrad();
      this.#params.forEach((p, i) => p.copy_(home[i]));
      return { t, loss, slope: yield at.dot(direction), at };
    }.bind(this);
    const options = { directionNorm: yield direction.abs().max(), toleranceChange: this.#group.toleranceChange, round: this.#round };
    return yield* strongWolfe(evaluate, start, first, options);
  }

  /** The gradients as one vector, zeros for parameters without one. */
  #flatGrad(): Tensor {
    return cat(
      this.#params.map((p) => (p.grad === null ? zeros([p.numel()], { dtype: p.dtype, device: p.device }) : p.grad.detach().reshape(-1))),
    );
  }

  #moveBy(direction: Tensor, t: number): void {
    let start = 0;
    for (const p of this.#params) {
      p.add_(direction.narrow(0, start, p.numel()).reshape(p.shape), { alpha: t });
      start += p.numel();
    }
    realiseAll(this.#params);
  }

  /** The state lies with the first parameter, under PyTorch's names. */
  #recall(): Memory {
    const state = this.stateOf(this.#params[0]);
    const list = <T>(name: string): T[] => [...((state[name] as readonly T[] | undefined) ?? [])];
    return {
      direction: (state.d as Tensor | undefined) ?? null,
      t: (state.t as number | undefined) ?? 0,
      grad: (state.prev_flat_grad as Tensor | undefined) ?? null,
      loss: (state.prev_loss as number | undefined) ?? 0,
      oldDirs: list<Tensor>("old_dirs"),
      oldSteps: list<Tensor>("old_stps"),
      ro: list<number>("ro"),
      scale: (state.H_diag as number | undefined) ?? 1,
      iterations: (state.n_iter as number | undefined) ?? 0,
      evaluations: (state.func_evals as number | undefined) ?? 0,
    };
  }

  #remember({ direction, t, grad, loss, oldDirs, oldSteps, ro, scale, iterations, evaluations }: Memory): void {
    const state = this.stateOf(this.#params[0]);
    Object.assign(state, { func_evals: evaluations, n_iter: iterations });
    if (direction === null || grad === null) return;
    const tensors = [direction, grad, ...oldDirs, ...oldSteps];
    realiseAll(tensors);
    keep(tensors);
    const rest = { d: direction, t, old_dirs: oldDirs, old_stps: oldSteps, ro, H_diag: scale, prev_flat_grad: grad, prev_loss: loss };
    Object.assign(state, rest);
  }

  /** Loaded vectors are as long as all parameters together. */
  protected override checkState(name: string, value: Tensor): void {
    const size = this.#params.reduce((n, p) => n + p.numel(), 0);
    if (value.numel() !== size) throw new ValueError(`loadStateDict: ${name} has shape [${value.shape}], expected [${size}]`);
  }
}
