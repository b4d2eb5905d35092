import { manualSeed, nn, type Tensor, tensor } from "sconce";
import { functional as F } from "sconce/nn";

/** Three linear layers, each with an activation of its own. */
export class MyNet extends nn.Module {
  readonly hidden_layer_1 = new nn.Linear(4, 5);
  readonly hidden_layer_2 = new nn.Linear(5, 3);
  readonly output_layer = new nn.Linear(3, 1);

  override forward(x: Tensor): Tensor {
    const x1 = F.relu(this.hidden_layer_1(x)); // [4] -> [5]
    const x2 = F.gelu(this.hidden_layer_2(x1)); // [5] -> [3]
    return F.sigmoid(this.output_layer(x2)); // [3] -> [1]
  }
}

/** The same layers without a class. */
export function looseLayers(x: Tensor): Tensor {
  const hidden1 = new nn.Linear(4, 5);
  const hidden2 = new nn.Linear(5, 3);
  const output = new nn.Linear(3, 1);
  const [f1, f2, f3] = [F.relu, F.gelu, F.sigmoid];
  return f3(output(f2(hidden2(f1(hidden1(x))))));
}

/** Prints what the guide shows. */
export function run(print: typeof console.log = console.log): void {
  const x = tensor([1, 2, 3, 4]);
  manualSeed(0);
  print(looseLayers(x));

  manualSeed(0);
  const net = new MyNet();
  print(net);
  print(net.hidden_layer_1.parameters()[0]);
  print(net.parameters().map((parameter) => parameter.shape));
  print(net.forward(x), net(x));

  print(net.output_layer.weight.grad);
  net(x).backward();
  print(net.output_layer.weight.grad);
}

if (process.argv[1] === import.meta.filename) run();
