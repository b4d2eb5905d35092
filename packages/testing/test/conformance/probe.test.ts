import "@sconce/backend-cpu";
import { it } from "vitest";
import { writeFileSync } from "node:fs";
import { readGroup, readDocument } from "../../src/golden.js";
import { OpsRunner, keyOf } from "../../src/ops-runner.js";
import { summarize, formatReport } from "../../src/report.js";
it("probe", async () => {
  const info = await readDocument<any>("ops/ops.json");
  const r = new OpsRunner("cpu" as never, info);
  const by = new Map<string, any[]>();
  const t0 = performance.now();
  for (const g of (process.env.GROUPS ?? "ops,special_values").split(","))
  for (const c of await readGroup<any>(g)) {
    const f = c; if (process.env.NOSECOND) delete f.second;
    const t1 = performance.now();
    const o = await r.run(f);
    const dt = performance.now() - t1; if (dt > 300) console.log("slow", c.id, dt);
    const k = g + "/" + keyOf(c); by.set(k, [...(by.get(k) ?? []), [c.id, o]]);
  }
  const res = [...by].map(([k, o]) => summarize(k, info[k.slice(k.indexOf("/") + 1)]?.tier ?? 0, o));
  writeFileSync("/tmp/tc_probe.txt", formatReport(res) + "\n" + (performance.now() - t0));
}, 600000);
