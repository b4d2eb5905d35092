import { readdir, readFile } from "node:fs/promises";
import { format } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";

const here = new URL(".", import.meta.url);
const names = (await readdir(here)).filter((name) => /^\d\d-.*\.md$/.test(name)).map((name) => name.slice(0, -".md".length));

interface Program {
  run(print: (...values: unknown[]) => void): unknown;
}

interface Block {
  readonly kind: string;
  readonly lines: readonly string[];
}

const read = (name: string): Promise<string> => readFile(new URL(name, here), "utf8");

function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(.+)\n([\s\S]*?)\n```$/gm)].map(([, kind, text]) => ({ kind, lines: text.split("\n") }));
}

/** True if `part` occurs in `whole` without a gap. */
function contains(whole: readonly string[], part: readonly string[], same: (a: string, b: string) => boolean): boolean {
  return whole.some((_, start) => part.every((line, i) => start + i < whole.length && same(whole[start + i], line)));
}

const NUMBER = /-?\d+\.\d+(e-?\d+)?/g;

/** The same text around the numbers, and numbers of the same size: late losses hang on the order of additions. */
function sameButForRounding(a: string, b: string): boolean {
  const [x, y] = [a, b].map((line) => (line.match(NUMBER) ?? []).map(Number));
  return a.replace(NUMBER, "#") === b.replace(NUMBER, "#") && x.every((value, i) => Math.abs(Math.log10(value / y[i])) < 1.5);
}

describe.each(names)("%s", (name) => {
  let blocks: Block[];
  let source: string[];
  beforeAll(async () => {
    blocks = blocksOf(await read(`${name}.md`));
    source = (await read(`${name}.ts`)).split("\n").map((line) => line.trim());
  });

  it("has code of its program only", () => {
    const code = blocks.filter(({ kind }) => kind === "ts");
    expect(code.length).toBeGreaterThan(0);
    for (const { lines } of code) {
      const part = lines.map((line) => line.trim());
      expect(
        contains(source, part, (a, b) => a === b),
        lines.join("\n"),
      ).toBe(true);
    }
  });

  it("shows what the program prints", async () => {
    const printed: string[] = [];
    const program = (await import(new URL(`${name}.ts`, here).href)) as Program;
    await program.run((...values) => printed.push(...format(...values).split("\n")));
    const shown = blocks.filter(({ kind }) => kind.startsWith("text"));
    expect(shown.length).toBeGreaterThan(0);
    for (const { kind, lines } of shown) {
      const same = kind === "text" ? (a: string, b: string) => a === b : sameButForRounding;
      expect(contains(printed, lines, same), `${lines.join("\n")}\n--- printed ---\n${printed.join("\n")}`).toBe(true);
    }
  });
});

describe("the tutorials", () => {
  it("are one page and one program each, listed in the index", async () => {
    const programs = (await readdir(here)).filter((file) => /^\d\d-.*\.ts$/.test(file)).map((file) => file.slice(0, -".ts".length));
    expect(programs).toEqual(names);
    const index = await read("README.md");
    for (const name of names) expect(index).toContain(`(${name}.md)`);
  });
});
