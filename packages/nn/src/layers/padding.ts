import type { Tensor } from "@sconce/core";
import { pad } from "../functional/vision.js";
import { Module } from "../module.js";
import { pyNumber, pyTuple } from "../repr.js";

/** One size for every side, or those before and after each dimension, the last dimension first. */
export type Padding = number | readonly number[];

type Mode = "constant" | "reflect" | "replicate" | "circular";

/** Padding of the last `n` dimensions. */
abstract class Pad extends Module {
  readonly padding: readonly number[];

  constructor(padding: Padding, n: number) {
    super();
    this.padding = typeof padding === "number" ? new Array<number>(2 * n).fill(padding) : padding;
  }

  protected abstract get mode(): Mode;

  override forward(input: Tensor): Tensor {
    return pad(input, this.padding, { mode: this.mode });
  }

  override extraRepr(): string {
    return pyTuple(this.padding);
  }
}

abstract class ConstantPad extends Pad {
  readonly value: number;

  constructor(padding: Padding, value: number, n: number) {
    super(padding, n);
    this.value = value;
  }

  protected override get mode(): Mode {
    return "constant";
  }

  /** Computes the layer. */
  override forward(input: Tensor): Tensor {
    return pad(input, this.padding, { value: this.value });
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `padding=${pyTuple(this.padding)}, value=${pyNumber(this.value)}`;
  }
}

abstract class ZeroPad extends Pad {
  protected override get mode(): Mode {
    return "constant";
  }
}

abstract class ReflectionPad extends Pad {
  protected override get mode(): Mode {
    return "reflect";
  }
}

abstract class ReplicationPad extends Pad {
  protected override get mode(): Mode {
    return "replicate";
  }
}

abstract class CircularPad extends Pad {
  protected override get mode(): Mode {
    return "circular";
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
export class ZeroPad1d extends ZeroPad {
  constructor(padding: Padding) {
    super(padding, 1);
  }
}

/**
 * Pads the last two dimensions with zeros.
 * @example
 * new nn.ZeroPad2d([1, 1, 2, 2])(randn([8, 3, 4, 4])); // [8, 3, 8, 6]
 */
export class ZeroPad2d extends ZeroPad {
  constructor(padding: Padding) {
    super(padding, 2);
  }
}

/** Pads the last three dimensions with zeros. */
export class ZeroPad3d extends ZeroPad {
  constructor(padding: Padding) {
    super(padding, 3);
  }
}

/** Pads the last dimension with its mirror image; the edge is not repeated. */
export class ReflectionPad1d extends ReflectionPad {
  constructor(padding: Padding) {
    super(padding, 1);
  }
}

/** Pads the last two dimensions with its mirror image; the edge is not repeated. */
export class ReflectionPad2d extends ReflectionPad {
  constructor(padding: Padding) {
    super(padding, 2);
  }
}

/** Pads the last three dimensions with its mirror image; the edge is not repeated. */
export class ReflectionPad3d extends ReflectionPad {
  constructor(padding: Padding) {
    super(padding, 3);
  }
}

/** Pads the last dimension with its edge. */
export class ReplicationPad1d extends ReplicationPad {
  constructor(padding: Padding) {
    super(padding, 1);
  }
}

/** Pads the last two dimensions with its edge. */
export class ReplicationPad2d extends ReplicationPad {
  constructor(padding: Padding) {
    super(padding, 2);
  }
}

/** Pads the last three dimensions with its edge. */
export class ReplicationPad3d extends ReplicationPad {
  constructor(padding: Padding) {
    super(padding, 3);
  }
}

/** Pads the last dimension with its other end. */
export class CircularPad1d extends CircularPad {
  constructor(padding: Padding) {
    super(padding, 1);
  }
}

/** Pads the last two dimensions with its other end. */
export class CircularPad2d extends CircularPad {
  constructor(padding: Padding) {
    super(padding, 2);
  }
}

/** Pads the last three dimensions with its other end. */
export class CircularPad3d extends CircularPad {
  constructor(padding: Padding) {
    super(padding, 3);
  }
}
