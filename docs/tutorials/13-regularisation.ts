import { manualSeed, nn, ones, rand, type Tensor, tensor, zerosLike } from "sconce";

/** Half the sum of squares: added to a loss it keeps weights small. */
export function l2Penalty(w: Tensor): Tensor {
  return w.pow(2).sum().div(2);
}

/** Dropout by hand: keeps each element with probability 1 - p and makes up for the loss. */
export function dropout(x: Tensor, p: number): Tensor {
  const keep = 1 - p;
  if (keep === 0) return zerosLike(x);
  const mask = rand(x.shape).lt(keep).float();
  return mask.mul(x).div(keep);
}

/** Two hidden layers with dropout between them. */
export function makeNet(drop1 = 0.2, drop2 = 0.5): nn.Sequential {
  return new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(784, 256),
    new nn.ReLU(),
    new nn.Dropout(drop1),
    new nn.Linear(256, 256),
    new nn.ReLU(),
    new nn.Dropout(drop2),
    new nn.Linear(256, 10),
  );
}

/** Prints what the guide shows. */
export function run(print: typeof console.log = console.log): void {
  print(l2Penalty(tensor([1, 2, 3])));
  manualSeed(0);
  print(dropout(ones([2, 4]), 0.5));

  const layer = new nn.Dropout(0.5);
  const y = layer(ones([1000]));
  print(y.unique()); // dropped, or scaled by 1 / (1 - p)
  layer.eval();
  print(layer(ones([3])));

  const net = makeNet();
  print(net);
  const x = rand([2, 28, 28]);
  print(net(x).equalSync(net(x)), net.eval()(x).equalSync(net(x)));
}

if (process.argv[1] === import.meta.filename) run();
