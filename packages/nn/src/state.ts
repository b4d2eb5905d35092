import { formatShape, Tensor, typeName, ValueError, write } from "@sconce/core";

/** Tensors by state key, such as `"conv1.weight"`. */
export type StateDict = Record<string, Tensor>;

/** Keys that a loaded state and a module do not share. Prints `<All keys matched successfully>` if there are none. */
export class IncompatibleKeys {
  readonly missingKeys: readonly string[];
  readonly unexpectedKeys: readonly string[];

  constructor(missingKeys: readonly string[], unexpectedKeys: readonly string[]) {
    this.missingKeys = missingKeys;
    this.unexpectedKeys = unexpectedKeys;
  }

  /** The text that is printed. */
  toString(): string {
    const { missingKeys, unexpectedKeys } = this;
    if (missingKeys.length === 0 && unexpectedKeys.length === 0) return "<All keys matched successfully>";
    const list = (keys: readonly string[]): string => `[${keys.map((key) => `'${key}'`).join(", ")}]`;
    return `_IncompatibleKeys(missing_keys=${list(missingKeys)}, unexpected_keys=${list(unexpectedKeys)})`;
  }
}

// `console.log` in Node prints the text.
Object.defineProperty(IncompatibleKeys.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: IncompatibleKeys): string {
    return this.toString();
  },
});

/**
 * Copies `state` into the tensors of `own`. Everything is checked before the first tensor changes.
 * @throws ValueError with PyTorch's list of what does not fit.
 */
export function loadState(
  name: string,
  own: StateDict,
  state: StateDict,
  optional: ReadonlySet<string>,
  strict: boolean,
): IncompatibleKeys {
  if (Object.prototype.toString.call(state) !== "[object Object]") {
    throw new ValueError(`Error(s) in loading state_dict for ${name}: expected an object of tensors by key, got ${state}`);
  }
  const missing = Object.keys(own).filter((key) => !Object.hasOwn(state, key) && !optional.has(key));
  const unexpected = Object.keys(state).filter((key) => !Object.hasOwn(own, key));
  const errors: string[] = [];
  if (strict && missing.length > 0) errors.push(`Missing key(s) in state_dict: ${quoted(missing)}. `);
  if (strict && unexpected.length > 0) errors.push(`Unexpected key(s) in state_dict: ${quoted(unexpected)}. `);
  const shared = Object.keys(own).filter((key) => Object.hasOwn(state, key));
  for (const key of shared) {
    const problem = mismatch(key, own[key], state[key]);
    if (problem !== null) errors.push(problem);
  }
  if (errors.length > 0) {
    throw new ValueError(`Error(s) in loading state_dict for ${name}:\n\t${errors.join("\n\t")}`, { op: "loadStateDict" });
  }
  const converted = shared.map((key) => state[key].detach().to({ device: own[key].device, dtype: own[key].dtype }));
  for (let i = 0; i < shared.length; i++) write(own[shared[i]], converted[i]);
  return new IncompatibleKeys(missing, unexpected);
}

function mismatch(key: string, target: Tensor, source: unknown): string | null {
  if (!(source instanceof Tensor)) {
    return `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${typeName(source)}`;
  }
  const fits = source.ndim === target.ndim && source.shape.every((n, i) => n === target.shape[i]);
  if (fits) return null;
  return (
    `size mismatch for ${key}: copying a param with shape torch.Size(${formatShape(source.shape)}) from checkpoint, ` +
    `the shape in current model is torch.Size(${formatShape(target.shape)}).`
  );
}

function quoted(keys: readonly string[]): string {
  return keys.map((key) => `"${key}"`).join(", ");
}

/** @throws ValueError for a name that cannot be a part of a state's keys. */
export function checkKey(kind: string, name: string, op: string): void {
  if (name.includes(".")) throw new ValueError(`${kind} name can't contain ".", got: ${name}`, { op });
  if (name === "") throw new ValueError(`${kind} name can't be empty string ""`, { op });
}
