/** Programs to start from, by title. */
export const EXAMPLES: { readonly [title: string]: string } = {
  Tensors: `import { arange, manualSeed, randn, tensor } from "sconce";

manualSeed(0);
const x = tensor([[1, 2, 3], [4, 5, 6]]);
console.log(x.mul(2).add(tensor([10, 20, 30])));
console.log(x.at(":", "1:"), x.sum(0), x.t().shape);
console.log(randn([2, 2])); // what torch.manual_seed(0) gives
`,
  Autograd: `import { grad, tensor } from "sconce";

const x = tensor([1, 2, 3], { requiresGrad: true });
const y = x.pow(3).sum();
console.log(y);

const [first] = grad(y, [x], { createGraph: true });
const [second] = grad(first.sum(), [x]);
console.log("3x²", first);
console.log("6x ", second);
`,
  "A network": `import { manualSeed, nn, optim, rand } from "sconce";

manualSeed(1);
const x = rand([256, 2]).mul(2).sub(1);
const inside = x.square().sum(1).lt(0.5).int(); // in the circle?

const net = new nn.Sequential(
  new nn.Linear(2, 16), new nn.Tanh(),
  new nn.Linear(16, 16), new nn.Tanh(),
  new nn.Linear(16, 2),
);
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.Adam(net.parameters(), { lr: 0.01 });

for (let step = 0; step <= 300; step++) {
  optimizer.zeroGrad();
  const logits = net(x);
  const loss = criterion(logits, inside);
  loss.backward();
  optimizer.step();
  if (step % 60 === 0) {
    const right = await logits.argmax(1).eq(inside).float().mean().item();
    console.log(\`step \${step}: loss \${(await loss.item()).toFixed(4)}, \${(100 * right).toFixed(1)} % right\`);
  }
}
console.log(net);
`,
};
