import { expect, it } from "vitest";
import { describeServer } from "../../page/test/server.js";

describeServer("bench", (running) => {
  it("knows before the page asks what only its worker asks for", async () => {
    const { depsOptimizer } = running().server.environments.client;
    await depsOptimizer?.scanProcessing;
    const { optimized, discovered } = depsOptimizer!.metadata;
    const known = Object.keys({ ...optimized, ...discovered });
    expect(known).toEqual(expect.arrayContaining(["@tensorflow/tfjs-core/dist/register_all_gradients.js", "@jax-js/jax"]));
  });
});
