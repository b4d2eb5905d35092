import type { Tensor } from "@sconce/core";
import { pad } from "../functional/vision.js";
import { Module } from "../module.js";
import { pyFields, pyTuple } from "../repr.js";

/** One size for every side, or those before and after each dimension, the last dimension first. */
export type Padding = number | readonly number[];

type Mode = "constant" | "reflect" | "replicate" | "circular";

/** Padding of the last `n` dimensions. */
abstract class Pad extends Module {
  readonly padding: readonly number[];
  protected readonly mode: Mode;

  constructor(padding: Padding, n: number, mode: Mode) {
    super();
    this.padding = typeof padding === "number" ? new Array<number>(2 * n).fill(padding) : padding;
    this.mode = mode;
  }

  /** What stands outside where the mode is constant. */
  readonly value: number = 0;

  override forward(input: Tensor): Tensor {
    return pad(input, this.padding, { mode: this.mode, value: this.value });
  }

  override extraRepr(): string {
    return pyTuple(this.padding);
  }
}

abstract class ConstantPad extends Pad {
  override readonly value: number;

  constructor(padding: Padding, value: number, n: number) {
    super(padding, n, "constant");
    this.value = value;
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return pyFields(this, "padding", "value");
  }
}

/** Pads the last dimension with `value`. */
export class ConstantPad1d extends ConstantPad {
  constructor(padding: Padding, value: number) {
    super(padding, value, 1);
  }
}

/** Pads the last two dimensions with `value`. */
export class ConstantPad2d extends ConstantPad {
  constructor(padding: Padding, value: number) {
    super(padding, value, 2);
  }
}

/** Pads the last three dimensions with `value`. */
export class ConstantPad3d extends ConstantPad {
  constructor(padding: Padding, value: number) {
    super(padding, value, 3);
  }
}

/** Pads the last dimension with zeros. */
export class ZeroPad1d extends Pad {
  constructor(padding: Padding) {
    super(padding, 1, "constant");
  }
}

/**
 * Pads the last two dimensions with zeros.
 * @example
 * new nn.ZeroPad2d([1, 1, 2, 2])(randn([8, 3, 4, 4])); // [8, 3, 8, 6]
 */
export class ZeroPad2d extends Pad {
  constructor(padding: Padding) {
    super(padding, 2, "constant");
  }
}

/** Pads the last three dimensions with zeros. */
export class ZeroPad3d extends Pad {
  constructor(padding: Padding) {
    super(padding, 3, "constant");
  }
}

/** Pads the last dimension with its mirror image; the edge is not repeated. */
export class ReflectionPad1d extends Pad {
  constructor(padding: Padding) {
    super(padding, 1, "reflect");
  }
}

/** Pads the last two dimensions with its mirror image; the edge is not repeated. */
export class ReflectionPad2d extends Pad {
  constructor(padding: Padding) {
    super(padding, 2, "reflect");
  }
}

/** Pads the last three dimensions with its mirror image; the edge is not repeated. */
export class ReflectionPad3d extends Pad {
  constructor(padding: Padding) {
    super(padding, 3, "reflect");
  }
}

/** Pads the last dimension with its edge. */
export class ReplicationPad1d extends Pad {
  constructor(padding: Padding) {
    super(padding, 1, "replicate");
  }
}

/** Pads the last two dimensions with its edge. */
export class ReplicationPad2d extends Pad {
  constructor(padding: Padding) {
    super(padding, 2, "replicate");
  }
}

/** Pads the last three dimensions with its edge. */
export class ReplicationPad3d extends Pad {
  constructor(padding: Padding) {
    super(padding, 3, "replicate");
  }
}

/** Pads the last dimension with its other end. */
export class CircularPad1d extends Pad {
  constructor(padding: Padding) {
    super(padding, 1, "circular");
  }
}

/** Pads the last two dimensions with its other end. */
export class CircularPad2d extends Pad {
  constructor(padding: Padding) {
    super(padding, 2, "circular");
  }
}

/** Pads the last three dimensions with its other end. */
export class CircularPad3d extends Pad {
  constructor(padding: Padding) {
    super(padding, 3, "circular");
  }
}
