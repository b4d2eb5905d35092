import "@sconce/backend-cpu";
import "@sconce/autograd";
import { randn, type Tensor, tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { makeDot } from "@sconce/viz";
import { describe, expect, it } from "vitest";

const leaf = (): Tensor => tensor([1, 2], { requiresGrad: true });

/** Labels by node, and edges between labels. */
function read(source: string): { readonly labels: readonly string[]; readonly edges: string[] } {
  const labels = new Map([...source.matchAll(/^\t(\d+) \[label="([^"]*)"/gm)].map(([, id, label]) => [id, label]));
  const edges = [...source.matchAll(/^\t(\d+) -> (\d+)$/gm)].map(([, from, to]) => `${labels.get(from)} -> ${labels.get(to)}`);
  return { labels: [...labels.values()], edges };
}

describe("makeDot", () => {
  it("draws results, nodes and named leaves", () => {
    const w = leaf();
    const { edges } = read(makeDot(w.mul(3).sum(), { w }).source);
    expect(edges.sort()).toEqual([
      "AccumulateGrad -> MulBackward0",
      "MulBackward0 -> SumBackward0",
      "SumBackward0 -> \\n ()",
      "w\\n (2) -> AccumulateGrad",
    ]);
  });

  it("draws what is shared once", () => {
    const w = leaf();
    const shared = w.exp();
    const { labels, edges } = read(makeDot(shared.mul(shared.sin()).sum()).source);
    expect(labels.filter((label) => label === "ExpBackward0")).toHaveLength(1);
    expect(edges.filter((edge) => edge.startsWith("ExpBackward0"))).toHaveLength(2);
  });

  it("names the parameters of a module, and takes several results", () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 1));
    const hidden = model.at(0)(randn(2, 3));
    const { labels } = read(makeDot([hidden, model(randn(2, 3))], model).source);
    expect(labels).toEqual(
      expect.arrayContaining(["0.weight\\n (4, 3)", "2.bias\\n (1)", "\\n (2, 4)", "\\n (2, 1)", "ReluBackward0", "AddmmBackward0"]),
    );
  });

  it("shows notes of nodes on demand", () => {
    const y = leaf().mul(2);
    (y.gradFn as NonNullable<typeof y.gradFn>).metadata.why = 'a "test"';
    expect(makeDot(y, {}, { showMetadata: true }).source).toContain('MulBackward0\\n------------\\nwhy: a \\"test\\"');
    expect(makeDot(y).source).not.toContain("why");
  });

  it("draws graphs that are as deep as a stack is not", () => {
    let y = leaf();
    for (let i = 0; i < 20_000; i++) y = y.add(1);
    expect(read(makeDot(y).source).edges).toHaveLength(20_002);
  });

  it("refuses tensors that nothing was recorded for", () => {
    expect(() => makeDot(tensor(1))).toThrow("makeDot: expected a tensor that was computed from one that requires grad");
  });

  it("is drawn by Graphviz", async () => {
    const w = leaf();
    const svg = await makeDot(w.mul(3).sum(), { w }).svg();
    expect(svg).toContain("<svg");
    for (const text of ["MulBackward0", "SumBackward0", "AccumulateGrad", "lightblue"]) expect(svg).toContain(text);
  });
});
