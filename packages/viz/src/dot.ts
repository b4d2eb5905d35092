import { NotSupportedError } from "@sconce/core";

/** Attributes of a node, an edge or a graph. */
export type DotAttributes = { readonly [name: string]: string | number };

/** A graph in the language of Graphviz: text, or a picture of it. */
export class Dot {
  readonly #lines: readonly string[];
  readonly #attributes: DotAttributes;
  readonly #nodeAttributes: DotAttributes;

  constructor(lines: readonly string[], attributes: DotAttributes, nodeAttributes: DotAttributes) {
    this.#lines = lines;
    this.#attributes = attributes;
    this.#nodeAttributes = nodeAttributes;
  }

  /** The text, for `dot` and other programs. */
  get source(): string {
    const head = [`graph ${attributeList(this.#attributes)}`, `node ${attributeList(this.#nodeAttributes)}`];
    return `digraph {\n${[...head, ...this.#lines].map((line) => `\t${line}\n`).join("")}}\n`;
  }

  /** The text that is printed. */
  toString(): string {
    return this.source;
  }

  /**
   * The picture as SVG, drawn by Graphviz in WebAssembly. Node finds the package `@viz-js/viz` by itself; a program that is bundled hands it over:
   * `svg(await import("@viz-js/viz"))`.
   * @throws NotSupportedError unless the package is there.
   * @example
   * await writeFile("graph.svg", await makeDot(loss, model).svg());
   */
  async svg(graphviz?: Graphviz): Promise<string> {
    const { instance } = graphviz ?? (await loadGraphviz());
    return (await instance()).renderString(this.source, { format: "svg", engine: "dot" });
  }
}

/** What {@link Dot.svg} needs of the package `@viz-js/viz`. */
export interface Graphviz {
  /** Starts Graphviz. */
  instance(): Promise<{ renderString(source: string, options: { readonly format: string; readonly engine: string }): string }>;
}

async function loadGraphviz(): Promise<Graphviz> {
  // Named through a variable: bundlers would demand a package that need not be installed.
  const name = "@viz-js/viz";
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Graphviz;
  } catch (error) {
    const missing = new NotSupportedError(
      "svg: drawing needs Graphviz; install the package @viz-js/viz, or give the source to `dot -Tsvg`",
    );
    missing.cause = error;
    throw missing;
  }
}

/** Text in the quotes of Graphviz; line breaks become `\n`. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** `[name="value" ...]`. */
export function attributeList(attributes: DotAttributes): string {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${typeof value === "number" ? value : quote(value)}`);
  return `[${pairs.join(" ")}]`;
}
