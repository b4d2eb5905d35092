import { nn, type Tensor } from "sconce";
import { beforeAll, describe, expect, it } from "vitest";
import * as byHand from "../../../../docs/tutorials/02-network-by-hand.js";
import * as autograd from "../../../../docs/tutorials/03-autograd.js";
import * as custom from "../../../../docs/tutorials/04-custom-function.js";
import * as sequential from "../../../../docs/tutorials/05-nn.js";
import * as adam from "../../../../docs/tutorials/06-optim.js";
import { TwoLayerNet, train as trainModule } from "../../../../docs/tutorials/07-custom-module.js";
import { DynamicNet, train as trainDynamic } from "../../../../docs/tutorials/08-dynamic-net.js";
import type { GoldenTensor } from "../../src/index.js";
import { expectFinal, expectTrajectory, loadAll, readSeed } from "./trajectory.js";

let data: { [name: string]: Tensor };
beforeAll(async () => {
  data = loadAll(await readSeed<{ [name: string]: GoldenTensor }>("two_layer_data"));
});

/** Copies of the weights, since training changes them in place. */
function weights(requiresGrad: boolean): byHand.TwoLayers {
  const [w1, w2] = [data.w1, data.w2].map((w) => w.clone().requiresGrad_(requiresGrad));
  return { x: data.x, y: data.y, w1, w2 };
}

/** The model with the weights and biases of `names`, by the prefixes of its state. */
function started<M extends nn.Module>(model: M, names: { readonly [key: string]: string }): M {
  const state = Object.entries(names).flatMap(([key, name]) =>
    ["weight", "bias"].map((part) => [`${key}.${part}`, data[`${name}.${part}`]]),
  );
  model.loadStateDict(Object.fromEntries(state));
  return model;
}

function layers(): nn.Sequential {
  const model = new nn.Sequential(new nn.Linear(1000, 100), new nn.ReLU(), new nn.Linear(100, 10));
  return started(model, { 0: "linear1", 2: "linear2" });
}

describe("the tutorials' two-layer network has PyTorch's losses for 500 steps", () => {
  const gradients = [
    { name: "with gradients by hand", seed: "01_numpy_manual", train: byHand.train, requiresGrad: false },
    { name: "with autograd", seed: "02_autograd", train: autograd.train, requiresGrad: true },
    { name: "with a function of one's own", seed: "03_custom_function", train: custom.train, requiresGrad: true },
  ];
  it.each(gradients)("$name ($seed)", async ({ seed, train, requiresGrad }) => {
    const golden = await readSeed(seed);
    const start = weights(requiresGrad);
    expectTrajectory(await train(start), golden);
    expectFinal(Object.entries({ w1: start.w1, w2: start.w2 }), golden);
  });

  const models = [
    { name: "with nn.Sequential and an update by hand", seed: "04_nn_sequential", train: sequential.train, make: layers },
    { name: "with Adam", seed: "05_adam", train: adam.train, make: layers },
    {
      name: "with a module of one's own",
      seed: "06_custom_module",
      train: trainModule,
      make: () => started(new TwoLayerNet(1000, 100, 10), { linear1: "linear1", linear2: "linear2" }),
    },
  ];
  it.each(models)("$name ($seed)", async ({ seed, train, make }) => {
    const golden = await readSeed(seed);
    const model = make();
    expectTrajectory(await train({ model, x: data.x, y: data.y }), golden);
    expectFinal(model.namedParameters(), golden);
  });

  it("with control flow and shared weights (07_dynamic_net)", async () => {
    const golden = await readSeed("07_dynamic_net");
    let step = 0;
    const model = started(new DynamicNet(1000, 100, 10, () => golden.layers![step++]), {
      input_linear: "linear1",
      middle_linear: "middle",
      output_linear: "linear2",
    });
    expect(model.parameters()).toHaveLength(6);
    expectTrajectory(await trainDynamic(model, data.x, data.y), golden);
    expectFinal(model.namedParameters(), golden);
  });
});
