import { arange, manualSeed, nn, ones, rand, type Tensor, tensor, zeros } from "sconce";

/** Cross-correlation: slides the kernel over the input and sums the products. */
export function corr2d(x: Tensor, k: Tensor): Tensor {
  const [h, w] = k.shape;
  const [input, kernel] = [x.float(), k.float()];
  const y = zeros([x.shape[0] - h + 1, x.shape[1] - w + 1]);
  for (let i = 0; i < y.shape[0]; i++) {
    for (let j = 0; j < y.shape[1]; j++) {
      y.setAt(
        [i, j],
        input
          .at(`${i}:${i + h}`, `${j}:${j + w}`)
          .mul(kernel)
          .sum(),
      );
    }
  }
  return y;
}

/** A convolution layer made of it. */
export class Conv2D extends nn.Module {
  readonly weight: nn.Parameter;
  readonly bias: nn.Parameter;

  constructor(kernelSize: readonly [number, number]) {
    super();
    this.weight = new nn.Parameter(rand(kernelSize));
    this.bias = new nn.Parameter(zeros([1]));
  }

  override forward(x: Tensor): Tensor {
    return corr2d(x, this.weight).add(this.bias);
  }
}

/** Prints what the guide shows. */
export function run(print: typeof console.log = console.log): void {
  print(corr2d(arange(9).view(3, 3), arange(4).view(2, 2)));

  const image = ones([6, 8]);
  image.setAt([":", "2:6"], 0);
  const edges = corr2d(image, tensor([[1, -1]]));
  print(edges.at(0));

  manualSeed(0);
  const layer = new Conv2D([1, 2]);
  const loss = layer(image).sub(edges).pow(2).sum();
  loss.backward();
  print(layer.weight.grad!.shape);

  const conv = new nn.Conv2d(1, 1, [3, 5], { padding: [1, 2], stride: 2 });
  print(conv);
  print(conv(rand([1, 1, 8, 8])).shape);
}

if (process.argv[1] === import.meta.filename) run();
