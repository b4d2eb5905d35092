/**
 * Address arithmetic as expressions: `add(pointer, mul(row, stride))` instead of a chain in stack order. The results are operands, which
 * emit their code where they are used.
 *
 * @module
 */
import type { FunctionBuilder, Operand, OpName } from "./asm.js";

/** Expressions over i32 operands for one function. */
export interface Arithmetic {
  lit(value: number): Operand;
  add(...terms: [Operand, Operand, ...Operand[]]): Operand;
  sub(a: Operand, b: Operand): Operand;
  mul(...factors: [Operand, Operand, ...Operand[]]): Operand;
  /** Unsigned quotient, rounded down. */
  div(a: Operand, divisor: Operand): Operand;
  /** Unsigned quotient, rounded up. */
  ceilDiv(a: Operand, divisor: Operand): Operand;
  and(a: Operand, b: Operand): Operand;
  or(a: Operand, b: Operand): Operand;
  lt(a: Operand, b: Operand): Operand;
  ge(a: Operand, b: Operand): Operand;
  eq(a: Operand, b: Operand): Operand;
  ne(a: Operand, b: Operand): Operand;
  min(a: Operand, b: Operand): Operand;
  /** `condition ? a : b` without a branch: both are computed. */
  choose(condition: Operand, a: Operand, b: Operand): Operand;
}

/** The expressions of one function, to be taken apart: `const { add, mul } = arithmetic(f)`. */
export function arithmetic(f: FunctionBuilder): Arithmetic {
  const binary =
    (op: OpName) =>
    (a: Operand, b: Operand): Operand =>
    () =>
      f.apply(op, a, b);
  const fold =
    (op: OpName) =>
    (...operands: Operand[]): Operand =>
      operands.reduce((a, b) => binary(op)(a, b));
  const lit =
    (value: number): Operand =>
    () =>
      f.i32(value);
  const [add, sub, div] = [fold("i32.add"), binary("i32.sub"), binary("i32.div_u")];
  return {
    lit,
    add,
    sub,
    mul: fold("i32.mul"),
    div,
    ceilDiv: (a, divisor) => div(add(a, sub(divisor, lit(1))), divisor),
    and: binary("i32.and"),
    or: binary("i32.or"),
    lt: binary("i32.lt_s"),
    ge: binary("i32.ge_s"),
    eq: binary("i32.eq"),
    ne: binary("i32.ne"),
    min: (a, b) => () => f.minI32(a, b),
    choose: (condition, a, b) => () => f.apply("select", a, b, condition),
  };
}
