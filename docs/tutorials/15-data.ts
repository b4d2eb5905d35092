import { data, manualSeed, nn, optim, randn, type Tensor, tensor } from "sconce";

/** Sentences as lists of word numbers; a sample is an object. */
export class Sentences extends data.Dataset<{ readonly inputIds: readonly number[]; readonly label: number }> {
  readonly sentences: readonly (readonly number[])[];

  constructor(sentences: readonly (readonly number[])[]) {
    super();
    this.sentences = sentences;
  }

  override get length(): number {
    return this.sentences.length;
  }

  override getItem(index: number): { readonly inputIds: readonly number[]; readonly label: number } {
    return { inputIds: this.sentences[index], label: index % 2 };
  }
}

/** One line for n features. */
export class LinearNet extends nn.Module {
  readonly linear: nn.Linear;

  constructor(features: number) {
    super();
    this.linear = new nn.Linear(features, 1);
  }

  override forward(x: Tensor): Tensor {
    return this.linear(x); // [N, features] -> [N, 1]
  }
}

/** Learns y = 2 x1 - 3.4 x2 + 4.2 in batches of ten. Returns the last loss. */
export async function train(net: LinearNet, epochs = 3): Promise<number> {
  const x = randn([1000, 2]);
  const y = x
    .mm(tensor([[2], [-3.4]]))
    .add(4.2)
    .add(randn([1000, 1]).mul(0.01));
  const loader = new data.DataLoader(new data.TensorDataset(x, y), { batchSize: 10, shuffle: true });
  const criterion = new nn.MSELoss();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.03 });
  let last = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const [input, target] of loader) {
      const loss = criterion(net(input), target);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      last = await loss.item();
    }
  }
  return last;
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<LinearNet> {
  manualSeed(0);
  const sentences = new Sentences([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  for await (const batch of new data.DataLoader(sentences, { batchSize: 2 })) print(batch);

  const net = new LinearNet(2);
  const loss = await train(net);
  print(loss < 1e-3, net.linear.weight, net.linear.bias);
  return net;
}

if (process.argv[1] === import.meta.filename) await run();
