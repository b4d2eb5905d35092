import { type BaseScalarOp, type Expr, literal, opExpr } from "../scalar.js";

/** An operand of a formula: numbers take the dtype of what stands beside them. */
type Term = Expr | number;

const isNumber = (x: Term): x is number => typeof x === "number";

function two(op: BaseScalarOp, a: Term, b: Term, result?: "bool"): Expr {
  const { dtype } = (isNumber(a) ? b : a) as Expr;
  const of = (x: Term): Expr => (isNumber(x) ? literal(x, dtype) : x);
  return opExpr(op, result ?? dtype, [of(a), of(b)]);
}

const one =
  (op: BaseScalarOp) =>
  (x: Expr): Expr =>
    opExpr(op, x.dtype, [x]);

export const neg: (x: Expr) => Expr = one("neg");
export const abs: (x: Expr) => Expr = one("abs");
export const sqrt: (x: Expr) => Expr = one("sqrt");
export const exp: (x: Expr) => Expr = one("exp");
export const log: (x: Expr) => Expr = one("log");
export const log1p: (x: Expr) => Expr = one("log1p");
export const sin: (x: Expr) => Expr = one("sin");
export const cos: (x: Expr) => Expr = one("cos");
export const erfc: (x: Expr) => Expr = one("erfc");
export const add = (a: Term, b: Term): Expr => two("add", a, b);
export const sub = (a: Term, b: Term): Expr => two("sub", a, b);
export const mul = (a: Term, b: Term): Expr => two("mul", a, b);
export const div = (a: Term, b: Term): Expr => two("div", a, b);
export const max = (a: Term, b: Term): Expr => two("maximum", a, b);
export const min = (a: Term, b: Term): Expr => two("minimum", a, b);
export const lt = (a: Term, b: Term): Expr => two("lt", a, b, "bool");
export const le = (a: Term, b: Term): Expr => two("le", a, b, "bool");
export const gt = (a: Term, b: Term): Expr => two("gt", a, b, "bool");
export const eq = (a: Term, b: Term): Expr => two("eq", a, b, "bool");
export const isNaN = (x: Expr): Expr => two("ne", x, x, "bool");

/** A number beside `like`. */
export const constant = (like: Expr, value: number): Expr => literal(value, like.dtype);

/** `yes` where the condition holds, else `no`. */
export function where(condition: Expr, yes: Expr, no: Term): Expr;
export function where(condition: Expr, yes: Term, no: Expr): Expr;
export function where(condition: Expr, yes: Term, no: Term): Expr {
  const { dtype } = (isNumber(yes) ? no : yes) as Expr;
  const of = (x: Term): Expr => (isNumber(x) ? literal(x, dtype) : x);
  return opExpr("where", dtype, [condition, of(yes), of(no)]);
}

/** `c[0] + c[1] x + c[2] x² + …` */
export function polynomial(x: Expr, c: readonly number[]): Expr {
  let out: Term = c[c.length - 1];
  for (let i = c.length - 2; i >= 0; i--) out = add(mul(out, x), c[i]);
  return out as Expr;
}

/** `c[0] + c[1] T₁(x) + c[2] T₂(x) + …` by Clenshaw's recurrence. */
export function chebyshev(x: Expr, c: readonly number[]): Expr {
  const twice = mul(x, 2);
  let [b, before]: Term[] = [c[c.length - 1], 0];
  for (let i = c.length - 2; i > 0; i--) [b, before] = [add(sub(mul(twice, b), before), c[i]), b];
  return add(sub(mul(x, b), before), c[0]);
}
