/** One parameter of a call: its name in PyTorch, the name here, and whether it goes into the trailing options object. */
interface Param {
  readonly name: string;
  readonly as: string;
  readonly option: boolean;
}

/** Parameters in PyTorch's order, the receiver of a method first. */
export type Signature = readonly Param[];

/** `weight_decay` to `weightDecay`; a trailing underscore (in place) and single capitals (`T`, `mT`) stay. */
export function camelCase(name: string): string {
  if (/^[a-z]?[A-Z]$/.test(name)) return name;
  const bare = name.replace(/^_+/, "");
  const lower = bare.replace(/^[A-Z]+(?=_|$)/, (word) => word.toLowerCase());
  return lower.replace(/_([a-zA-Z0-9])/g, (_, char: string) => char.toUpperCase());
}

/** Keys of an options object in this library's spelling. */
export function camelKeys(options: { readonly [name: string]: unknown }): { [name: string]: unknown } {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [camelCase(name), value]));
}

/**
 * Reads a signature in short form: words are positional, words after `|` are options, `a=b` is PyTorch's a and our b.
 * @example
 * readSignature("input dim | keepdim dtype");
 */
export function readSignature(text: string): Signature {
  const [positional, options = ""] = text.split("|");
  const words = (part: string, option: boolean): Param[] =>
    part
      .split(/\s+/)
      .filter((word) => word !== "")
      .map((word) => {
        const [name, as = camelCase(name)] = word.split("=");
        return { name, as, option };
      });
  return [...words(positional, false), ...words(options, true)];
}

const IGNORED = new Set(["out", "layout", "memory_format", "pin_memory", "_stacklevel"]);

interface Documented extends Param {
  readonly keywordOnly: boolean;
}

/** Parameters of one line of PyTorch's documentation: required ones are positional, those with a default are options. */
function readLine(line: string): Documented[] {
  let keywordOnly = false;
  return splitArguments(line.slice(line.indexOf("(") + 1, line.lastIndexOf(")"))).flatMap((text) => {
    if (text.startsWith("*")) keywordOnly = true;
    if (text === "" || text.startsWith("*")) return [];
    const [declared, initial] = text.split("=");
    const typed = declared.split(":")[0].trim();
    const name = typed.replace(/^(int|bool|float|Tensor) /, "");
    return [{ name, as: camelCase(name), option: initial !== undefined, keywordOnly }];
  });
}

/** Splits at the commas that stand in no brackets. */
function splitArguments(text: string): string[] {
  let depth = 0;
  const words = [""];
  for (const char of text) {
    if (char === "[" || char === "(") depth++;
    if (char === "]" || char === ")") depth--;
    if (char === "," && depth === 0) words.push("");
    else if (char !== "\\") words[words.length - 1] += char;
  }
  return words.map((word) => word.trim());
}

/** Parameters of a documented call: where lines disagree, a parameter that is missing somewhere is an option. */
export function parseSignature(lines: readonly string[]): Signature {
  const overloads = lines.map((line) => readLine(line.replace(/ ->.*$/, "")));
  const merged = new Map<string, Documented>();
  for (const params of overloads)
    for (const param of params) if (!param.keywordOnly) merged.set(param.name, merged.get(param.name) ?? param);
  for (const params of overloads) for (const param of params) merged.set(param.name, merged.get(param.name) ?? param);
  return [...merged.values()].map(({ name, as, option }) => {
    const everywhere = overloads.every((params) => params.some((param) => param.name === name));
    return { name, as, option: option || !everywhere };
  });
}

/**
 * Lays out arguments: positional ones in order, then one object with the options that were given. None (null) stands for an option that
 * was left out, unless `keepNull`.
 * @throws Error for an argument that the signature does not name.
 */
export function arrange(
  signature: Signature,
  args: readonly unknown[],
  kwargs: { readonly [name: string]: unknown },
  keepNull = false,
): unknown[] {
  if (signature.length === 0) return [...args];
  const given = new Map<string, unknown>();
  args.forEach((value, i) => {
    if (signature[i] === undefined) throw new Error(`no parameter for argument ${i}`);
    given.set(signature[i].name, value);
  });
  for (const name in kwargs) {
    if (!signature.some((param) => param.name === name) && !IGNORED.has(name)) throw new Error(`no parameter for ${name}`);
    given.set(name, kwargs[name]);
  }
  const positional = signature.filter(({ option }) => !option).map(({ name }) => given.get(name));
  while (positional.length > 0 && positional.at(-1) === undefined) positional.pop();
  const options: [string, unknown][] = [];
  for (const { name, as, option } of signature) {
    const value = given.get(name);
    if (option && value !== undefined && (keepNull || value !== null) && !IGNORED.has(name)) options.push([as, value]);
  }
  return options.length > 0 ? [...padded(positional, signature), Object.fromEntries(options)] : positional;
}

/** Positional parameters that were left out stand as undefined before the options. */
function padded(positional: readonly unknown[], signature: Signature): unknown[] {
  const count = signature.filter(({ option }) => !option).length;
  return [...positional, ...new Array<undefined>(count - positional.length).fill(undefined)];
}
