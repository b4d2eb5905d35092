/** What an error knows about the call that failed. */
export interface ErrorDetails {
  /** The operation, where the message does not begin with it and a colon. */
  readonly op?: string;
  readonly shapes?: readonly (readonly number[])[];
  readonly dtypes?: readonly string[];
}

/** Base of all errors that Sconce throws on purpose. */
export class SconceError extends Error {
  /** The operation that refused its input. */
  declare readonly op: string | undefined;
  /** Shapes of the tensors involved, where they matter. */
  declare readonly shapes: readonly (readonly number[])[] | undefined;
  /** Dtypes of the tensors involved, where they matter. */
  declare readonly dtypes: readonly string[] | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = new.target.name;
    // Only what is known: Node prints every field of an error that nobody catches.
    const op = details.op ?? /^(?!\w+Error:)([\w.]+)(\(\))?: /.exec(message)?.[1];
    if (op !== undefined) this.op = op;
    if (details.shapes !== undefined) this.shapes = details.shapes;
    if (details.dtypes !== undefined) this.dtypes = details.dtypes;
  }
}

/** Shapes, dimensions or indices that do not fit. */
export class ShapeError extends SconceError {}
/** A dtype that an operation or a device does not take. */
export class DTypeError extends SconceError {}
/** Tensors on different devices, an unknown device, or a device that was lost. */
export class DeviceError extends SconceError {}
/** A tensor used after its scope freed it. */
export class DisposedError extends SconceError {}
/** Something that this device or build cannot do. */
export class NotSupportedError extends SconceError {}
/** A value outside the range that an operation accepts. */
export class ValueError extends SconceError {}

/** A file or buffer that is not what its format demands: damaged, cut short or of another kind. */
export class FormatError extends SconceError {
  /** The file, where it is known. */
  readonly path: string | undefined;

  constructor(message: string, details: ErrorDetails & { readonly path?: string | undefined } = {}) {
    super(message, details);
    this.path = details.path;
  }
}

/** `[2, 3]` for a shape, as error texts print it. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/**
 * What a value is, in the words of an error: `null`, the class of an object, or the type.
 * @example
 * typeName([1]); // "Array"
 */
export function typeName(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}
