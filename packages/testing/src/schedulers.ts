import * as optim from "@sconce/optim";
import type { GoldenValue } from "./golden.js";
import { arrange, camelKeys, readSignature } from "./signatures.js";
import { Unsupported } from "./values.js";

/** Constructor parameters after the optimizer; those after `|` are options. */
const SIGNATURES: { readonly [scheduler: string]: string } = {
  ChainedScheduler: "schedulers",
  ConstantLR: "| factor total_iters",
  CosineAnnealingLR: "T_max | eta_min",
  CosineAnnealingWarmRestarts: "T_0 | T_mult eta_min",
  CyclicLR: "base_lr max_lr | step_size_up step_size_down mode gamma scale_fn scale_mode cycle_momentum base_momentum max_momentum",
  ExponentialLR: "gamma",
  LambdaLR: "lr_lambda",
  LinearLR: "| start_factor end_factor total_iters",
  MultiStepLR: "milestones | gamma",
  MultiplicativeLR: "lr_lambda",
  OneCycleLR:
    "max_lr | total_steps epochs steps_per_epoch pct_start anneal_strategy cycle_momentum base_momentum max_momentum div_factor final_div_factor three_phase",
  PolynomialLR: "| total_iters power",
  ReduceLROnPlateau: "| mode factor patience threshold threshold_mode cooldown min_lr eps",
  SWALR: "swa_lr | anneal_epochs anneal_strategy",
  SequentialLR: "schedulers milestones",
  StepLR: "step_size | gamma",
};

/** The Python expressions of the golden files' `lr_lambda`. */
const LAMBDAS: { readonly [text: string]: (epoch: number) => number } = {
  "0.95 ** epoch": (epoch) => 0.95 ** epoch,
  "1 / (1 + epoch)": (epoch) => 1 / (1 + epoch),
  "0.9": () => 0.9,
  "1 - 0.01 * epoch": (epoch) => 1 - 0.01 * epoch,
};

type Options = { readonly [name: string]: GoldenValue };
type AnyOptimizer = optim.Optimizer<never>;

/** What every scheduler can do. */
export interface Scheduler {
  step(argument?: number): void;
}

type SchedulerClass = new (...args: never[]) => Scheduler;
type OptimizerClass = new (params: never, options: never) => AnyOptimizer;

/** Python floats as numbers. */
export function plain(value: GoldenValue): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item as GoldenValue));
  if (typeof value === "object" && value !== null && "$float" in value) return Number(value.$float);
  return value;
}

/** Options with {@link plain} values, in this library's spelling. */
export function plainOptions(options: Options): { [name: string]: unknown } {
  return camelKeys(Object.fromEntries(Object.entries(options).map(([name, value]) => [name, plain(value)])));
}

/** An optimizer from PyTorch's options. @throws Unsupported if there is no such optimizer. */
export function makeOptimizer(name: string, params: unknown, options: Options): AnyOptimizer {
  const found = (optim as unknown as { [name: string]: OptimizerClass | undefined })[name];
  if (found === undefined) throw new Unsupported(`no optim.${name}`);
  return new found(params as never, plainOptions(options) as never);
}

/** A scheduler from PyTorch's options. @throws Unsupported if there is no such scheduler. */
export function makeScheduler(name: string, optimizer: AnyOptimizer, options: Options): Scheduler {
  const found = (optim.lrScheduler as unknown as { [name: string]: SchedulerClass | undefined })[name];
  if (found === undefined) throw new Unsupported(`no lrScheduler.${name}`);
  const kwargs = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, schedulerOption(key, value, optimizer)]));
  const first = name === "ChainedScheduler" ? [] : [optimizer];
  return new found(...([...first, ...arrange(readSignature(SIGNATURES[name] ?? ""), [], kwargs)] as never[]));
}

function schedulerOption(key: string, value: GoldenValue, optimizer: AnyOptimizer): unknown {
  if (key === "lr_lambda") return (value as readonly string[]).map((text) => LAMBDAS[text]);
  if (key !== "schedulers") return plain(value);
  return (value as readonly (readonly [string, Options])[]).map(([name, options]) => makeScheduler(name, optimizer, options));
}
