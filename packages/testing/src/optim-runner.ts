import type { Device, Tensor } from "@sconce/core";
import { functional as F, Linear, Sequential, Tanh } from "@sconce/nn";
import * as optim from "@sconce/optim";
import { Mismatch } from "./compare.js";
import type { GoldenTensor, GoldenValue } from "./golden.js";
import { failure, type Outcome, PASS } from "./outcome.js";
import { makeOptimizer, makeScheduler, plain, plainOptions } from "./schedulers.js";
import { elements, goldenData, isTensor, Unsupported, Values } from "./values.js";

type Options = { readonly [name: string]: GoldenValue };
type Tensors = readonly (GoldenTensor | null)[];

/** A case of the group optim; which fields there are follows from `kind`. */
export interface OptimCase {
  readonly id: string;
  readonly kind: string;
  readonly optimizer: string;
  readonly options: Options;
  readonly scheduler?: string;
  readonly scheduler_options?: Options;
  readonly group_options?: readonly Options[];
  readonly init: Tensors;
  readonly grads: readonly Tensors[];
  readonly params: readonly Tensors[];
  readonly final_state?: readonly { readonly [name: string]: GoldenValue }[];
  readonly A: GoldenTensor;
  readonly b: GoldenTensor;
  readonly losses: readonly number[];
  readonly lrs: readonly (readonly number[] | number)[];
  readonly state: { readonly [name: string]: GoldenTensor };
  readonly x: GoldenTensor;
  readonly y: GoldenTensor;
  readonly final: { readonly [name: string]: GoldenTensor };
  readonly initial_lrs?: readonly number[];
  readonly initial_momentum?: readonly number[] | number;
  readonly momentum?: readonly (readonly number[])[];
  readonly step_args?: readonly number[];
  readonly clipped: readonly GoldenTensor[];
  readonly max_norm: GoldenValue;
  readonly norm_type: GoldenValue;
  readonly total_norm: GoldenTensor;
  readonly clip_value: GoldenValue;
  readonly problem?: string;
  readonly closure_calls?: readonly number[];
}

/** `Adam`, `StepLR`, `SGD+StepLR` or `clip_grad_norm_`: what a case is about. */
export function optimKey({ kind, optimizer, scheduler }: OptimCase): string {
  if (kind === "optimizer_with_scheduler") return `${optimizer}+${scheduler}`;
  return kind === "scheduler" ? scheduler! : kind.startsWith("clip") ? kind : optimizer;
}

/** Relative tolerance of the k-th of 20 steps: 1e-4 at first, 1e-3 at the end. */
function tolerance(step: number): number {
  return Math.min(1e-3, 1e-4 + (9e-4 * step) / 20);
}

/** Runs cases of optimizers, schedulers and clipping on a device. */
export class OptimRunner {
  readonly #values: Values;

  constructor(device: Device) {
    this.#values = new Values(device, () => {
      throw new Unsupported("modules as arguments");
    });
  }

  /** Runs one case. */
  async run(c: OptimCase): Promise<Outcome> {
    try {
      await this.#dispatch(c);
      return PASS;
    } catch (error) {
      return failure(error);
    }
  }

  async #dispatch(c: OptimCase): Promise<void> {
    switch (c.kind) {
      case "given_gradients":
      case "param_groups":
        return this.#givenGradients(c);
      case "quadratic":
      case "optimizer_with_scheduler":
        return this.#quadratic(c);
      case "mlp":
        return this.#mlp(c);
      case "scheduler":
        return this.#scheduler(c);
      case "lbfgs":
        return this.#lbfgs(c);
      case "clip_grad_norm_":
      case "clip_grad_value_":
        return this.#clip(c);
      default:
        throw new Unsupported(`kind ${c.kind}`);
    }
  }

  #parameters(golden: Tensors): Tensor[] {
    return golden.map((t) => this.#values.tensor(t!).requiresGrad_());
  }

  #give(params: readonly Tensor[], grads: Tensors): void {
    params.forEach((p, i) => {
      p.grad = grads[i] === null ? null : this.#values.tensor(grads[i]!);
    });
  }

  async #givenGradients(c: OptimCase): Promise<void> {
    const params = this.#parameters(c.init);
    const groups = c.group_options?.map((options, i) => ({ params: [params[i]], ...plainOptions(options) })) ?? params;
    const optimizer = makeOptimizer(c.optimizer, groups, c.options);
    for (let step = 0; step < c.grads.length; step++) {
      if (groups !== params && step === 8) for (const group of optimizer.paramGroups as { lr: number }[]) group.lr *= 0.5;
      this.#give(params, c.grads[step]);
      optimizer.step();
      await this.#expectParams(params, c.params[step], step);
    }
    if (c.final_state !== undefined) await this.#expectState(optimizer, c.final_state);
  }

  async #expectParams(params: readonly Tensor[], expected: Tensors, step: number): Promise<void> {
    for (let i = 0; i < params.length; i++) await expectNear(params[i], expected[i]!, tolerance(step), `step ${step} parameter ${i}`);
  }

  /** The state under PyTorch's names; numbers may stand for tensors without dimensions. */
  async #expectState(optimizer: optim.Optimizer<never>, expected: readonly { readonly [name: string]: GoldenValue }[]): Promise<void> {
    const { state } = optimizer.stateDict();
    for (let i = 0; i < expected.length; i++) {
      for (const name in expected[i]) {
        const golden = expected[i][name] as GoldenTensor | number | null;
        const actual = state[i]?.[name];
        const what = `state ${i} ${name}`;
        if (golden === null || typeof golden === "number") {
          if ((actual ?? null) !== golden) throw new Mismatch(`${what}: expected ${golden}, got ${actual}`);
        } else if (isTensor(actual)) await expectNear(actual, golden, 1e-3, what);
        else expectClose(Number(actual), Number(goldenData(golden)[0]), 1e-3, what);
      }
    }
  }

  async #quadratic(c: OptimCase): Promise<void> {
    const A = this.#values.tensor(c.A);
    const b = this.#values.tensor(c.b);
    const [x] = this.#parameters([c.init as unknown as GoldenTensor]);
    const optimizer = makeOptimizer(c.optimizer, [x], c.options);
    const scheduler = c.scheduler === undefined ? null : makeScheduler(c.scheduler, optimizer, c.scheduler_options!);
    for (let step = 0; step < c.losses.length; step++) {
      optimizer.zeroGrad();
      const loss = quadraticLoss(A, b, x);
      expectClose(Number((await elements(loss.detach()))[0]), c.losses[step], tolerance(step), `step ${step} loss`);
      loss.backward();
      optimizer.step();
      scheduler?.step();
      await this.#expectParams([x], [c.params[step] as unknown as GoldenTensor], step);
      if (scheduler !== null) expectRates(optimizer, c.lrs[step], `step ${step}`);
    }
  }

  async #mlp(c: OptimCase): Promise<void> {
    const net = new Sequential(new Linear(4, 8), new Tanh(), new Linear(8, 3)).to(this.#values.device);
    const state = Object.entries(c.state).map(([name, golden]) => [name, this.#values.tensor(golden)] as const);
    net.loadStateDict(Object.fromEntries(state));
    const x = this.#values.tensor(c.x);
    const y = this.#values.tensor(c.y);
    const optimizer = makeOptimizer(c.optimizer, net.parameters(), c.options);
    for (let step = 0; step < c.losses.length; step++) {
      optimizer.zeroGrad();
      const loss = F.crossEntropy(net(x), y);
      expectClose(Number((await elements(loss.detach()))[0]), c.losses[step], tolerance(step), `step ${step} loss`);
      loss.backward();
      optimizer.step();
    }
    const after = net.stateDict();
    for (const name in c.final) await expectNear(after[name], c.final[name], 1e-3, name);
  }

  async #scheduler(c: OptimCase): Promise<void> {
    const groups = c.initial_lrs!.map((lr) => ({ params: this.#parameters([ONE]), lr }));
    const options: { [name: string]: GoldenValue } = { lr: 0.1 };
    if (c.initial_momentum !== undefined && c.optimizer === "SGD") options.momentum = [c.initial_momentum].flat()[0];
    const optimizer = makeOptimizer(c.optimizer, groups, options);
    const scheduler = makeScheduler(c.scheduler!, optimizer, c.options);
    expectRates(optimizer, c.lrs[0], "after construction");
    for (let step = 1; step < c.lrs.length; step++) {
      if (c.step_args === undefined) scheduler.step();
      else scheduler.step(c.step_args[step - 1]);
      expectRates(optimizer, c.lrs[step], `after step ${step}`);
      if (c.momentum !== undefined) expectMomentum(optimizer, c.momentum[step], `after step ${step}`);
    }
  }

  async #lbfgs(c: OptimCase): Promise<void> {
    const [x] = this.#parameters([c.init as unknown as GoldenTensor]);
    const optimizer = makeOptimizer(c.optimizer, [x], c.options) as unknown as optim.LBFGS;
    const quadratic = c.problem === "quadratic" ? ([this.#values.tensor(c.A), this.#values.tensor(c.b)] as const) : null;
    let calls = 0;
    for (let step = 0; step < c.losses.length; step++) {
      const closure = (): Tensor => {
        calls++;
        optimizer.zeroGrad();
        const value = quadratic === null ? rosenbrock(x) : quadraticLoss(...quadratic, x);
        value.backward();
        return value;
      };
      const loss = await (x.storage.backend.downloadSync === undefined ? optimizer.stepAsync(closure) : optimizer.step(closure));
      expectClose(Number((await elements(loss.detach()))[0]), c.losses[step], 1e-3, `step ${step} loss`);
      await expectNear(x, c.params[step] as unknown as GoldenTensor, 1e-3, `step ${step}`);
      if (calls !== c.closure_calls![step]) throw new Mismatch(`step ${step}: expected ${c.closure_calls![step]} calls, got ${calls}`);
    }
  }

  async #clip(c: OptimCase): Promise<void> {
    const grads = c.grads as unknown as readonly GoldenTensor[];
    const params = this.#parameters(grads);
    this.#give(params, grads);
    if (c.kind === "clip_grad_value_") optim.clipGradValue_(params, plain(c.clip_value) as number);
    else {
      const total = optim.clipGradNorm_(params, plain(c.max_norm) as number, { normType: plain(c.norm_type) as number });
      await expectNear(total, c.total_norm, 1e-4, "total norm");
    }
    for (let i = 0; i < params.length; i++) await expectNear(params[i].grad!, c.clipped[i], 1e-4, `gradient ${i}`);
  }
}

const ONE: GoldenTensor = { dtype: "float32", shape: [1], data: [1] };

function quadraticLoss(A: Tensor, b: Tensor, x: Tensor): Tensor {
  return A.mv(x).dot(x).mul(0.5).sub(b.dot(x));
}

function rosenbrock(x: Tensor): Tensor {
  const head = x.at(":-1");
  return x.at("1:").sub(head.square()).square().mul(100).add(head.neg().add(1).square()).sum();
}

function expectClose(x: number, reference: number, rtol: number, what: string): void {
  if (Number.isNaN(reference) ? Number.isNaN(x) : x === reference || Math.abs(x - reference) <= 1e-6 + rtol * Math.abs(reference)) return;
  throw new Mismatch(`${what}: ${x}, expected ${reference}`);
}

async function expectNear(actual: Tensor, expected: GoldenTensor, rtol: number, what: string): Promise<void> {
  const data = await elements(actual.detach());
  goldenData(expected).forEach((reference: number | bigint, i: number) => {
    expectClose(Number(data[i]), Number(reference), rtol, `${what} element ${i}`);
  });
}

function expectRates(optimizer: optim.Optimizer<never>, expected: readonly number[] | number, what: string): void {
  const rates = (optimizer.paramGroups as readonly { readonly lr: number }[]).map(({ lr }) => lr);
  [expected].flat().forEach((lr, i) => {
    if (!(Math.abs(rates[i] - lr) <= 1e-9 * Math.max(1, Math.abs(lr)))) throw new Mismatch(`${what}: rate ${rates[i]}, expected ${lr}`);
  });
}

function expectMomentum(optimizer: optim.Optimizer<never>, expected: readonly number[], what: string): void {
  const groups = optimizer.paramGroups as readonly { readonly momentum?: number; readonly betas?: readonly number[] }[];
  expected.forEach((value, i) => expectClose(groups[i].momentum ?? groups[i].betas![0], value, 1e-9, `${what} momentum ${i}`));
}
