import "@sconce/autograd";
import "@sconce/backend-cpu";
import { ones, type Tensor, tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

class Double extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.mul(2);
  }
}

class Product extends nn.Module {
  forward(x: Tensor, y: Tensor): Tensor {
    return x.mul(y);
  }
}

const numbers = (x: Tensor | null | undefined): unknown => x?.tolistSync();

describe("forward hooks", () => {
  it("see and replace inputs and outputs, in order, until removed", () => {
    const module = new Double();
    const before = module.registerForwardPreHook((_, [x]) => x.add(1));
    const after = module.registerForwardHook((_, [x], y) => y.add(x));
    expect(numbers(module(ones([2])))).toEqual([6, 6]);
    before.remove();
    expect(numbers(module(ones([2])))).toEqual([3, 3]);
    after.remove();
    after.remove();
    expect(numbers(module(ones([2])))).toEqual([2, 2]);
  });

  it("that return nothing change nothing", () => {
    const module = new Double();
    const seen: unknown[] = [];
    module.registerForwardPreHook((m, inputs) => {
      seen.push(m === module, inputs.length);
    });
    module.registerForwardHook((_m, _inputs, output) => {
      seen.push(output.shape);
    });
    expect(numbers(module(ones([1])))).toEqual([2]);
    expect(seen).toEqual([true, 1, [1]]);
  });

  it("end with a using block", () => {
    const module = new Double();
    {
      using _handle = module.registerForwardHook((_m, _i, y) => y.mul(0));
      expect(numbers(module(ones([1])))).toEqual([0]);
    }
    expect(numbers(module(ones([1])))).toEqual([2]);
  });
});

describe("backward hooks", () => {
  it("see the gradients of this module alone, and may replace that of its input", () => {
    const module = new Double();
    const seen: unknown[] = [];
    const handle = module.registerFullBackwardHook((m, gradInput, gradOutput) => {
      seen.push(m === module, numbers(gradInput[0]), numbers(gradOutput[0]));
      return [gradInput[0]!.mul(10)];
    });
    const x = tensor([1, 2], { requiresGrad: true });
    // x is used elsewhere too, which the hook must not see.
    module(x).mul(3).add(x).sum().backward();
    expect(seen).toEqual([true, [6, 6], [3, 3]]);
    expect(numbers(x.grad)).toEqual([61, 61]);
    handle.remove();
    x.grad = null;
    module(x).sum().backward();
    expect([numbers(x.grad), seen.length]).toEqual([[2, 2], 3]);
  });

  it("get all inputs at once, null for those that want no gradient", () => {
    const module = new Product();
    const seen: unknown[] = [];
    module.registerFullBackwardHook((_, gradInput) => {
      seen.push(gradInput.map(numbers));
      return undefined;
    });
    const x = tensor([2], { requiresGrad: true });
    const y = tensor([5], { requiresGrad: true });
    module(x, y).sum().backward();
    module(x, tensor([7]))
      .sum()
      .backward();
    expect(seen).toEqual([
      [[5], [2]],
      [[7], undefined],
    ]);
    expect(numbers(x.grad)).toEqual([12]);
  });

  it("run for a module whose inputs want no gradient", () => {
    const layer = new nn.Linear(2, 1);
    const seen: unknown[] = [];
    layer.registerFullBackwardHook((_, gradInput, gradOutput) => {
      seen.push(gradInput, numbers(gradOutput[0]));
      return undefined;
    });
    layer(ones([1, 2]))
      .sum()
      .backward();
    expect(seen).toEqual([[null], [[1]]]);
    expect(layer.weight.grad).not.toBeNull();
  });
});
