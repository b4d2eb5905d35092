import { readdirSync } from "node:fs";
import { format } from "node:util";
import { it } from "vitest";

const here = new URL(".", import.meta.url);
for (const f of readdirSync(here).filter((n) => /^\d.*\.ts$/.test(n))) {
  it(f, async () => {
    const m = await import(new URL(f, here).href);
    const lines: string[] = [];
    try {
      await m.run((...v: unknown[]) => lines.push(format(...v)));
    } finally {
      console.log(`=== ${f}\n${lines.join("\n")}`);
    }
  });
}
