/**
 * Emitters of the pooling kernels over planes `[planes, h, w]`.
 *
 * @module
 */
import { type Arithmetic, arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Operand, V128 } from "./asm.js";
import type { Element } from "./element.js";

/** The parameters that all pooling kernels begin with, in order. */
const SHAPE = [
  "planes",
  "h",
  "w",
  "outH",
  "outW",
  "kernelH",
  "kernelW",
  "strideH",
  "strideW",
  "padH",
  "padW",
  "dilationH",
  "dilationW",
] as const;

type Shape = Readonly<Record<(typeof SHAPE)[number], Local>>;

/** State of the loop over windows while the body of one is emitted. */
interface Window {
  readonly f: FunctionBuilder;
  readonly s: Shape;
  readonly m: Arithmetic;
  /** Address of the current input plane. */
  readonly plane: Local;
  /** Unclipped start of the window. */
  readonly top: Local;
  readonly left: Local;
  /** Clipped start and end. */
  readonly firstH: Local;
  readonly firstW: Local;
  readonly endH: Local;
  readonly endW: Local;
  /** Running element. */
  readonly i: Local;
  readonly j: Local;
  readonly row: Local;
}

function start(module: ModuleBuilder, name: string, extra: number): { f: FunctionBuilder; s: Shape; extras: Local[] } {
  const f = module.function(name, SHAPE.length + extra);
  const s = Object.fromEntries(SHAPE.map((key, i) => [key, i])) as Record<(typeof SHAPE)[number], Local>;
  return { f, s, extras: Array.from({ length: extra }, (_, i) => SHAPE.length + i) };
}

/** Emits the loop over all windows of all planes; `advance` moves whatever runs along with the outputs. */
function eachWindow(
  f: FunctionBuilder,
  s: Shape,
  image: Local,
  element: Element,
  body: (window: Window) => void,
  advance: () => void,
): void {
  const m = arithmetic(f);
  const { add, lit, min, mul, sub } = m;
  const [count, oh, ow, top, left, firstH, firstW, endH, endW, i, j, row] = f.locals(I32, 12);
  const window: Window = { f, s, m, plane: image, top, left, firstH, firstW, endH, endW, i, j, row };
  // A window that starts in front of the plane goes on in steps of the dilation until it is inside.
  const clip = (first: Local, end: Local, from: Local, size: Local, kernel: Local, dilation: Local): void => {
    f.assign(first, from).forStep(first, lit(0), dilation, () => {});
    f.assign(end, add(from, mul(sub(kernel, lit(1)), dilation), lit(1))).assign(end, min(end, size));
  };
  f.countDown(count, s.planes, () => {
    f.assign(oh, lit(0)).forRange(oh, s.outH, 1, () => {
      f.assign(top, sub(mul(oh, s.strideH), s.padH));
      clip(firstH, endH, top, s.h, s.kernelH, s.dilationH);
      f.assign(ow, lit(0)).forRange(ow, s.outW, 1, () => {
        f.assign(left, sub(mul(ow, s.strideW), s.padW));
        clip(firstW, endW, left, s.w, s.kernelW, s.dilationW);
        body(window);
        advance();
      });
    });
    f.addTo(image, mul(s.h, s.w, lit(element.bytes)));
  });
}

/** Emits the loop over the elements of a window; `row` is the address of the current row. */
function eachElement({ f, s, m, ...at }: Window, element: Element, body: (address: Operand) => void): void {
  const { add, lit, mul } = m;
  f.assign(at.i, at.firstH).forStep(at.i, at.endH, s.dilationH, () => {
    f.assign(at.row, add(at.plane, mul(at.i, s.w, lit(element.bytes))));
    f.assign(at.j, at.firstW).forStep(at.j, at.endW, s.dilationW, () => body(add(at.row, mul(at.j, lit(element.bytes)))));
  });
}

/** Emits `maxPool(shape..., x, y, indices)`: as in PyTorch the first maximum wins, and of several NaN the last. */
export function emitMaxPool(module: ModuleBuilder, element: Element): void {
  const { f, s, extras } = start(module, "maxPool", 3);
  const [x, y, indices] = extras;
  // One lane of vectors and masks instead of scalars and branches: which element wins cannot be predicted.
  const [value, best, mask, index] = f.locals(V128, 4);
  const { vector } = element;
  const body = (window: Window): void => {
    const { add, mul } = window.m;
    const flat = (i: Local, j: Local): Operand => {
      const place = add(mul(i, s.w), j);
      return () => f.push(place).op("i32x4.splat");
    };
    f.assign(best, () => f[element.scalar](-Infinity).op(`${vector}.splat`)).assign(index, flat(window.firstH, window.firstW));
    eachElement(window, element, (address) => {
      f.load(element.loadZero, address).set(value);
      f.apply(`${vector}.gt`, value, best).apply(`${vector}.ne`, value, value).op("v128.or").set(mask);
      f.apply("v128.bitselect", value, best, mask).set(best);
      f.apply("v128.bitselect", flat(window.i, window.j), index, mask).set(index);
    });
    f.get(y).get(best).memLane(element.storeLane, 0);
    f.get(indices).get(index).memLane("v128.store32_lane", 0);
  };
  eachWindow(f, s, x, element, body, () => f.inc(y, element.bytes).inc(indices, 4));
}

/** Pushes what the sum of a window is divided by; `includePad` and `divisor` are parameters, a divisor of 0 means none is given. */
function pushDivisor({ f, s, m, ...at }: Window, element: Element, includePad: Local, divisor: Local): void {
  const { add, choose, min, mul, ne, lit, sub } = m;
  const padded = mul(
    sub(min(add(at.top, s.kernelH), add(s.h, s.padH)), at.top),
    sub(min(add(at.left, s.kernelW), add(s.w, s.padW)), at.left),
  );
  const inside = mul(sub(at.endH, at.firstH), sub(at.endW, at.firstW));
  f.push(choose(ne(divisor, lit(0)), divisor, choose(includePad, padded, inside))).op(`${element.scalar}.convert_i32_s`);
}

/** Emits `avgPool(shape..., x, y, includePad, divisor)`; the dilation must be 1. */
export function emitAvgPool(module: ModuleBuilder, element: Element): void {
  const { f, s, extras } = start(module, "avgPool", 4);
  const [x, y, includePad, divisor] = extras;
  const sum = f.local(element.type);
  const body = (window: Window): void => {
    f.assign(sum, () => f[element.scalar](0));
    eachElement(window, element, (address) => f.get(sum).load(element.load, address).op(element.add).set(sum));
    f.get(y).get(sum);
    pushDivisor(window, element, includePad, divisor);
    f.op(`${element.scalar}.div`).mem(element.store);
  };
  eachWindow(f, s, x, element, body, () => f.inc(y, element.bytes));
}

/** Emits `avgPoolGradient(shape..., dx, dy, includePad, divisor)`, which adds to cleared planes. */
export function emitAvgPoolGradient(module: ModuleBuilder, element: Element): void {
  const { f, s, extras } = start(module, "avgPoolGradient", 4);
  const [dx, dy, includePad, divisor] = extras;
  const share = f.local(element.type);
  const target = f.local(I32);
  const body = (window: Window): void => {
    f.load(element.load, dy);
    pushDivisor(window, element, includePad, divisor);
    f.op(`${element.scalar}.div`).set(share);
    eachElement(window, element, (address) => {
      f.assign(target, address);
      f.store(element.store, target, () => f.load(element.load, target).get(share).op(element.add));
    });
  };
  eachWindow(f, s, dx, element, body, () => f.inc(dy, element.bytes));
}

/** Emits `maxPool2x2(planes, h, w, outH, outW, x, y, indices)` for float32, kernel and stride 2 without padding: four windows at a time. */
export function emitMaxPool2x2(module: ModuleBuilder): void {
  const f = module.function("maxPool2x2", 8);
  const [planes, h, w, outH, outW, x, y, indices] = f.params;
  const [plane, i, j, whole, upper, lower, position, skip] = f.locals(I32, 8);
  const [best, index, first, candidate, mask, lanes] = f.locals(V128, 6);
  const { add, and, lit, mul } = arithmetic(f);
  /** Takes four candidates where they are greater or NaN; `distance` is how far they lie behind the first elements of their windows. */
  const compare = (load: () => unknown, distance: Operand): void => {
    f.push(load).set(candidate);
    f.apply("f32x4.gt", candidate, best).apply("f32x4.ne", candidate, candidate).op("v128.or").set(mask);
    f.apply("v128.bitselect", candidate, best, mask).set(best);
    f.push(distance).op("i32x4.splat").get(first).op("i32x4.add").set(candidate);
    f.apply("v128.bitselect", candidate, index, mask).set(index);
  };
  const windows = (load: (row: Local, odd: boolean) => unknown, outputs: number, store: (pointer: Local, vector: Local) => void): void => {
    f.push(() => load(upper, false)).set(best);
    f.get(position).op("i32x4.splat").get(lanes).op("i32x4.add").tee(first).set(index);
    compare(() => load(upper, true), lit(1));
    compare(() => load(lower, false), w);
    compare(() => load(lower, true), skip);
    store(y, best);
    store(indices, index);
    for (const pointer of [y, indices]) f.inc(pointer, 4 * outputs);
    for (const pointer of [upper, lower]) f.inc(pointer, 8 * outputs);
    f.inc(position, 2 * outputs);
  };
  const four = (row: Local, odd: boolean): FunctionBuilder =>
    f
      .load("v128.load", row)
      .load("v128.load", row, 16)
      .shuffle(...(odd ? [1, 3, 5, 7] : [0, 2, 4, 6]));
  const single = (row: Local, odd: boolean): FunctionBuilder => f.load("v128.load32_zero", row, odd ? 4 : 0);
  f.i32x4(0);
  for (let lane = 1; lane < 4; lane++) f.i32(2 * lane).lane("i32x4.replace_lane", lane);
  f.set(lanes)
    .assign(whole, and(outW, lit(-4)))
    .assign(skip, add(w, lit(1)));
  f.countDown(plane, planes, () => {
    f.assign(i, lit(0)).forRange(i, outH, 1, () => {
      f.assign(position, mul(i, w, lit(2)))
        .assign(upper, add(x, mul(position, lit(4))))
        .assign(lower, add(upper, mul(w, lit(4))));
      f.assign(j, lit(0));
      f.forRange(j, whole, 4, () => windows(four, 4, (pointer, vector) => f.store("v128.store", pointer, vector)));
      f.forRange(j, outW, 1, () => windows(single, 1, (pointer, vector) => f.get(pointer).get(vector).memLane("v128.store32_lane", 0)));
    });
    f.addTo(x, mul(h, w, lit(4)));
  });
}
