import "@sconce/backend-cpu";
import { type Tensor, tensor, zeros } from "@sconce/core";
import "@sconce/data";
import "@sconce/io";
import "@sconce/nn";

const x: Tensor = tensor([1, 2, 3]).mul(2);

// @ts-expect-error: backward comes with @sconce/autograd.
x.backward();
// @ts-expect-error: grad comes with @sconce/autograd.
x.grad;
// @ts-expect-error: requiresGrad comes with @sconce/autograd.
x.requiresGrad;
// @ts-expect-error: the option requiresGrad comes with @sconce/autograd.
tensor([1, 2, 3], { requiresGrad: true });
// @ts-expect-error: the option requiresGrad comes with @sconce/autograd.
zeros([2, 3], { requiresGrad: true });
