import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { rowIds } from "./rows.js";

const here = new URL(".", import.meta.url);

async function testedRows(): Promise<string[]> {
  const files = (await readdir(here)).filter((name) => /^s\d.*\.test\.ts$/.test(name));
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, here), "utf8")));
  return sources.flatMap((source) => [...source.matchAll(/^ {2}it\("(S\d{3}-\d\d) /gm)].map((match) => match[1]));
}

async function listedRows(): Promise<string[]> {
  const page = await readFile(new URL("../../../../docs/differences.md", here), "utf8");
  return [...page.matchAll(/^\| (S\d{3}-\d\d) \|/gm)].map((match) => match[1]);
}

describe("the tutorials' checklist", () => {
  it("has 164 rows", () => {
    expect(new Set(rowIds).size).toBe(164);
  });

  it("is covered: each row has one test, or one line in differences.md", async () => {
    const covered = [...(await testedRows()), ...(await listedRows())];
    expect(covered.sort()).toEqual([...rowIds].sort());
  });
});
