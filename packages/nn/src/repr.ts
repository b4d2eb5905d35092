/** A number as Python prints it: an integer without a fraction, a tiny or huge float with a two-digit exponent. */
export function pyNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return Object.is(value, -0) ? "-0.0" : String(value);
  const [digits, power] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 16) return String(value);
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** A number that Python holds as a float: integers get `.0`. */
export function pyFloat(value: number): string {
  const text = pyNumber(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A setting whose default is the float `fallback`: the default prints as a float, other integers as they were written. */
export function pyOption(value: number, fallback: number): string {
  return value === fallback ? pyFloat(value) : pyNumber(value);
}

/** `True` or `False`. */
export function pyBool(value: boolean): string {
  return value ? "True" : "False";
}

/** A tuple, such as `(3, 3)` or `(3,)`; a plain number as it is; null as `None`, true as `True`. */
export function pyTuple(value: number | string | boolean | null | readonly (number | null)[]): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return pyBool(value);
  if (typeof value === "string") return value;
  if (typeof value === "number") return pyNumber(value);
  return value.length === 1 ? `(${pyTuple(value[0])},)` : `(${value.map(pyTuple).join(", ")})`;
}

/** Settings under PyTorch's names: `kernel_size=2, stride=(1, 2)`. */
export function pyFields<K extends string>(layer: { readonly [P in K]: Parameters<typeof pyTuple>[0] }, ...fields: K[]): string {
  return fields.map((field) => `${field.replace(/[A-Z]/g, "_$&").toLowerCase()}=${pyTuple(layer[field])}`).join(", ");
}

/** The text of a module from that of its settings and its children, in the layout of PyTorch. */
export function moduleText(name: string, extra: string, children: readonly (readonly [string, string])[]): string {
  const extraLines = extra === "" ? [] : extra.split("\n");
  const lines = [...extraLines, ...children.map(([key, text]) => `(${key}): ${text.replaceAll("\n", "\n  ")}`)];
  if (lines.length === 0) return `${name}()`;
  if (extraLines.length === 1 && children.length === 0) return `${name}(${extraLines[0]})`;
  return `${name}(\n  ${lines.join("\n  ")}\n)`;
}
