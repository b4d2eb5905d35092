import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import ts from "typescript";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Block, blocksOf, expectedOf } from "./guide/blocks.js";

const here = new URL(".", import.meta.url);
const folder = new URL(".pages/", here);
const page = await readFile(new URL("porting.md", here), "utf8");

interface Snippet {
  readonly title: string;
  readonly python: string;
  readonly code: Block;
  readonly after: Block | undefined;
}

const snippets: Snippet[] = page
  .split(/^## /m)
  .slice(1)
  .map((section) => {
    const [python, code, after] = blocksOf(section);
    return { title: section.split("\n")[0], python: python.text, code, after };
  });

const fileOf = (i: number): URL => new URL(`${i + 1}.ts`, folder);
await mkdir(folder, { recursive: true });
for (const [i, { code }] of snippets.entries()) await writeFile(fileOf(i), `${code.text}\nexport {};\n`);

/** What PyTorch prints, by the comments of its program, in JavaScript's way to print lists. */
function printedByPython(python: string): string[] {
  const comments = [...python.matchAll(/print\(.*\) {2}# (.*)$/gm)].map(([, text]) => text);
  return comments.map((text) =>
    text
      .replace(/torch\.Size\((.*?)\)/g, "$1")
      .replace(/(?<!tensor\()\[([^\]]*)\]/g, "[ $1 ]")
      .replace("True", "true")
      .replace("None", "null"),
  );
}

afterEach(() => vi.restoreAllMocks());

describe("ten PyTorch programs", () => {
  it("are ten", () => {
    expect(snippets.map(({ code }) => code.kind)).toEqual(new Array(10).fill("ts"));
  });

  it.each(snippets.map((snippet, i) => [snippet.title, snippet, i] as const))("%s", async (_, { python, code, after }, i) => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => void lines.push(...format(...values).split("\n")));
    await import(fileOf(i).href);
    const expected = expectedOf(code, after);
    expect(lines).toEqual(expected);
    if (after?.kind !== "text") expect(expected).toEqual(printedByPython(python));
  });

  it("compile", { timeout: 300_000 }, () => {
    const path = (relative: string): string => fileURLToPath(new URL(relative, here));
    const { config } = ts.readConfigFile(path("../tsconfig.docs.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path(".."));
    const files = snippets.map((_, i) => fileURLToPath(fileOf(i)));
    const program = ts.createProgram(files, {
      ...options,
      isolatedDeclarations: false,
      declaration: false,
      declarationMap: false,
      composite: false,
    });
    const problems = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)));
    expect(problems.map((d) => `${d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`)).toEqual([]);
  });
});
