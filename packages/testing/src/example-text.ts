/** An example of a doc comment. */
export interface Example {
  /** File and line, such as `core/src/creation.ts:12`. */
  readonly where: string;
  readonly code: string;
}

/** The `@example` blocks of the doc comments of a file. */
export function examplesIn(text: string, file: string): Example[] {
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => examplesOf(comment[0], comment.index, text, file));
}

function examplesOf(comment: string, start: number, text: string, file: string): Example[] {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*(\/\*\*|\*\/|\* ?)/, "").replace(/\s*\*\/$/, ""));
  const first = text.slice(0, start).split("\n").length;
  const found: Example[] = [];
  lines.forEach((line, i) => {
    if (!/^\s*@example/.test(line)) return;
    const end = lines.findIndex((other, j) => j > i && /^\s*@\w+/.test(other));
    const code = [line.replace(/^\s*@example\s*/, ""), ...lines.slice(i + 1, end < 0 ? lines.length : end)]
      .join("\n")
      .replace(/^```\w*$/gm, "");
    found.push({ where: `${file}:${first + i}`, code: code.trim() });
  });
  return found;
}
