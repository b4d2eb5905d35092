import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { type Block, blocksOf, expectedOf } from "./blocks.js";

declare global {
  var atBlock: ((block: number) => void) | undefined;
}

const here = new URL(".", import.meta.url);
const folder = new URL(".pages/", here);
const names = (await readdir(here)).filter((name) => name.endsWith(".md")).map((name) => name.slice(0, -".md".length));
const pages = new Map<string, Block[]>();
for (const name of names) pages.set(name, blocksOf(await readFile(new URL(`${name}.md`, here), "utf8")));

/** The code of a page as one module; `print` of block i is told apart by a marker. */
function moduleOf(blocks: readonly Block[]): string {
  const code = blocks.filter(({ kind }) => kind === "ts").map(({ text }, i) => `globalThis.atBlock?.(${i});\n${text}`);
  return `declare global { var atBlock: ((block: number) => void) | undefined; }\n${code.join("\n")}\nexport {};\n`;
}

await mkdir(folder, { recursive: true });
for (const [name, blocks] of pages) {
  await writeFile(new URL(`${name}.ts`, folder), moduleOf(blocks));
  const browser = blocks.filter(({ kind }) => kind === "ts browser");
  for (const [i, { text }] of browser.entries()) await writeFile(new URL(`${name}-browser-${i}.ts`, folder), `${text}\nexport {};\n`);
}

/** Runs a page and returns the lines that each block printed. */
async function run(name: string): Promise<string[][]> {
  const printed: string[][] = [];
  const { log } = console;
  globalThis.atBlock = (block) => {
    printed[block] = [];
  };
  console.log = (...values: unknown[]) => void printed[printed.length - 1].push(...format(...values).split("\n"));
  try {
    await import(new URL(`${name}.ts`, folder).href);
  } finally {
    console.log = log;
    globalThis.atBlock = undefined;
  }
  return printed;
}

describe.each(names)("%s", (name) => {
  it("opens with what one can do after it", async () => {
    const text = await readFile(new URL(`${name}.md`, here), "utf8");
    expect(text).toMatch(/^# .+\n\nAfter this page you /);
  });

  it("has code that prints what the page says", async () => {
    const blocks = pages.get(name) as Block[];
    const printed = await run(name);
    let at = 0;
    blocks.forEach((block, i) => {
      if (block.kind !== "ts") return;
      expect(printed[at++], block.text).toEqual(expectedOf(block, blocks[i + 1]));
    });
  });
});

describe("the guide", () => {
  it("has code that compiles", async () => {
    const path = (relative: string): string => fileURLToPath(new URL(relative, here));
    const files = (await readdir(folder)).filter((file) => file.endsWith(".ts")).map((file) => fileURLToPath(new URL(file, folder)));
    const { config } = ts.readConfigFile(path("../../tsconfig.docs.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path("../.."));
    const program = ts.createProgram(files, {
      ...options,
      isolatedDeclarations: false,
      declaration: false,
      declarationMap: false,
      composite: false,
    });
    const mine = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)));
    expect(mine.map((d) => `${d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`)).toEqual([]);
  });
});
