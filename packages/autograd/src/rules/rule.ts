import type { Device, DType, PrimitiveName, Primitives, Shape, Tensor } from "@sconce/core";

/** What a formula may keep from the forward pass: the first inputs `A B C`, the results `Y Z`. */
export type Kept = 0 | 1 | 2 | 3 | 4;
export const A = 0;
export const B = 1;
export const C = 2;
export const Y = 3;
export const Z = 4;

/** What a formula knows of its call besides tensors. Offset, dtype and device are those of the first input. */
export interface Context<K extends PrimitiveName = PrimitiveName> {
  readonly attrs: Primitives[K];
  /** Shapes of the inputs. */
  readonly shapes: readonly Shape[];
  /** Strides of the inputs. */
  readonly strides: readonly (readonly number[])[];
  readonly offset: number;
  readonly dtype: DType;
  readonly device: Device;
}

/** The gradient of one input: a formula of the result's gradient and of what it names. */
export interface Partial<K extends PrimitiveName = PrimitiveName> {
  readonly keep: readonly Kept[];
  readonly formula: Formula<K>;
}

/** `(g, ...kept, context, input)`. */
// biome-ignore lint/suspicious/noExplicitAny: the overloads of `of` give the types
export type Formula<_K extends PrimitiveName> = (g: Tensor, ...rest: any[]) => Tensor;

/** The gradients of a primitive, one an input; null where there is none to have, such as for an index. */
export type Rule<K extends PrimitiveName = PrimitiveName> = Rows<K> | Each<K> | ByAttrs<K> | Own;

export type Rows<K extends PrimitiveName = PrimitiveName> = readonly (Partial<K> | null)[];

/** The same formula for each of any number of inputs. */
export interface Each<K extends PrimitiveName = PrimitiveName> {
  readonly each: Partial<K>;
}

/** Other formulas for other attributes. */
interface ByAttrs<K extends PrimitiveName = PrimitiveName> {
  readonly rows: (attrs: Primitives[K]) => Rows<K> | null;
}

/** The op itself brings its derivative. */
export interface Own {
  readonly own: true;
}

/** Rules of some primitives; null where nothing is differentiable. */
export type Rules<N extends PrimitiveName> = { readonly [K in N]: Rule<K> | null };

type Of<K extends PrimitiveName> = Context<K>;

/**
 * The gradient of one input: the names of what is kept, then the formula. Inputs and results that no formula names are not kept.
 * @example
 * mul: [of(B, (g, b) => g.mul(b)), of(A, (g, a) => g.mul(a))]
 */
export function of<K extends PrimitiveName>(formula: (g: Tensor, call: Of<K>) => Tensor): Partial<K>;
export function of<K extends PrimitiveName>(x: Kept, formula: (g: Tensor, x: Tensor, call: Of<K>) => Tensor): Partial<K>;
export function of<K extends PrimitiveName>(
  x: Kept,
  y: Kept,
  formula: (g: Tensor, x: Tensor, y: Tensor, call: Of<K>) => Tensor,
): Partial<K>;
export function of<K extends PrimitiveName>(
  x: Kept,
  y: Kept,
  z: Kept,
  formula: (g: Tensor, x: Tensor, y: Tensor, z: Tensor, call: Of<K>) => Tensor,
): Partial<K>;
export function of<K extends PrimitiveName>(
  x: Kept,
  y: Kept,
  z: Kept,
  w: Kept,
  formula: (g: Tensor, x: Tensor, y: Tensor, z: Tensor, w: Tensor, call: Of<K>) => Tensor,
): Partial<K>;
export function of<K extends PrimitiveName>(...parts: readonly unknown[]): Partial<K> {
  return { keep: parts.slice(0, -1) as Kept[], formula: parts[parts.length - 1] as Formula<K> };
}

/** The gradient of input number `input`, for ops with any number of them. */
export function each<K extends PrimitiveName>(formula: (g: Tensor, call: Of<K>, input: number) => Tensor): Each<K> {
  return { each: { keep: [], formula } };
}
