import {
  type Device,
  type DType,
  formatShape,
  type PrimitiveName,
  type Primitives,
  SconceError,
  type Shape,
  sameShape,
  type Tensor,
} from "@sconce/core";
import { attach } from "./history.js";
import { defaultName, nameOf } from "./names.js";
import { type Gradients, TapeNode, type Walk } from "./node.js";
import { sumToShape } from "./rules/help.js";
import { type Context, type Formula, type Kept, type Own, type Rows, type Rule, Y } from "./rules/rule.js";
import { type Kept as Entry, save, secondTime } from "./saved.js";

type Slots = (Entry | null)[];
const NOTHING: Slots = [];

/** A rule made of rows. */
export type TableRule = Exclude<Rule, Own>;

/** Rows of a rule for one call. */
export function rowsOf(rule: TableRule, attrs: Primitives[PrimitiveName]): Rows | null {
  return "rows" in rule ? rule.rows(attrs) : "each" in rule ? null : rule;
}

/** Arithmetic with a number: PyTorch shows the number as an input without a node. */
const SHOWS_NUMBERS: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>(["add", "sub", "mul", "div"]);

/** What a node of a primitive is made of. */
export interface Recipe {
  readonly op: PrimitiveName;
  readonly attrs: Primitives[PrimitiveName];
  readonly label: string | undefined;
}

/** A recorded call of a primitive. */
export class PrimitiveNode extends TapeNode implements Context {
  readonly op: PrimitiveName;
  readonly attrs: Primitives[PrimitiveName];
  readonly shapes: readonly Shape[];
  readonly strides: readonly (readonly number[])[];
  readonly offset: number;
  readonly dtype: DType;
  readonly device: Device;
  readonly #label: string | undefined;
  readonly #rule: TableRule;
  #saved: Slots = NOTHING;
  #released = false;

  constructor(
    { op, attrs, label }: Recipe,
    rule: TableRule,
    inputs: readonly Tensor[],
    next: readonly (TapeNode | null)[],
    slots: readonly number[] | null,
  ) {
    super(next, slots);
    const first = inputs[0];
    const shapes = new Array<Shape>(inputs.length);
    const strides = new Array<readonly number[]>(inputs.length);
    for (let i = 0; i < inputs.length; i++) {
      shapes[i] = inputs[i].shape;
      strides[i] = inputs[i].strides;
    }
    this.op = op;
    this.attrs = attrs;
    this.shapes = shapes;
    this.strides = strides;
    this.offset = first.offset;
    this.dtype = first.dtype;
    this.device = first.device;
    this.#label = label;
    this.#rule = rule;
  }

  get name(): string {
    return this.#label === undefined ? defaultName(this.op, this.attrs, this.shapes[0].length) : nameOf(this.#label);
  }

  /** Keeps what the formulas of the inputs that need a gradient name. */
  keep(inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    const rows = rowsOf(this.#rule, this.attrs);
    if (rows === null) return;
    for (let i = 0; i < this.next.length; i++) {
      if (this.next[i] === null) continue;
      const { keep } = rows[i] as NonNullable<Rows[number]>;
      if (keep.length === 0) continue;
      if (this.#saved === NOTHING) this.#saved = [null, null, null, null, null];
      for (const k of keep) this.#saved[k] ??= save(k < 3 ? inputs[k] : outputs[k - 3]);
    }
  }

  run(grad: Gradients, walk: Walk): void {
    if (this.#released) throw secondTime(this.name);
    const { next, slots } = this;
    const kept: Tensor[] = [];
    for (let i = 0; i < next.length; i++) {
      const target = next[i];
      if (target === null || !walk.wants(target)) continue;
      walk.send(target, slots === null ? 0 : slots[i], this.derive(grad as Tensor, i, kept, walk.createGraph));
    }
  }

  private derive(g: Tensor, input: number, kept: Tensor[], createGraph: boolean): Tensor {
    const rule = this.#rule;
    const partial = "each" in rule ? rule.each : (rowsOf(rule, this.attrs) as Rows)[input];
    const { keep, formula } = partial as { keep: readonly Kept[]; formula: Formula<PrimitiveName> };
    for (let i = 0; i < keep.length; i++) kept[keep[i]] ??= this.unpack(keep[i], createGraph);
    const result =
      keep.length === 0
        ? formula(g, this, input)
        : keep.length === 1
          ? formula(g, kept[keep[0]], this)
          : formula(g, ...keep.map((k) => kept[k]), this);
    return this.fit(result, this.shapes[input]);
  }

  private unpack(k: Kept, createGraph: boolean): Tensor {
    const x = (this.#saved[k] as Entry).unpack();
    const node = k < 3 ? this.next[k] : k === Y ? this : null;
    if (createGraph && node !== null) attach(x, node, k < 3 && this.slots !== null ? this.slots[k] : 0);
    return x;
  }

  /** Broadcasting is undone here, once for all rules. */
  private fit(result: Tensor, shape: Shape): Tensor {
    if (sameShape(result.shape, shape)) return result;
    const fitted = sumToShape(result, shape);
    if (sameShape(fitted.shape, shape)) return fitted;
    throw new SconceError(`${this.name}: internal: the gradient of ${formatShape(shape)} has shape ${formatShape(result.shape)}`, {
      shapes: [shape, result.shape],
    });
  }

  override release(): void {
    const saved = this.#saved;
    for (let k = 0; k < saved.length; k++) {
      const one = saved[k];
      if (one === null || one.free) continue;
      one.release();
      saved[k] = null;
      this.#released = true;
    }
  }

  protected override shows(input: number): boolean {
    const rows = rowsOf(this.#rule, this.attrs);
    if (rows !== null && rows[input] === null) return false;
    if (this.next[input] !== null || this.shapes[input].length > 0) return true;
    return this.#label === undefined && SHOWS_NUMBERS.has(this.op);
  }
}
