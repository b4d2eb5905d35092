import { manualSeed, nn, ones, rand, randn, type Tensor } from "sconce";

/** All but the first dimension as one. */
export class FlattenLayer extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.view(x.shape[0], -1); // [N, ...] -> [N, product]
  }
}

/** Layers with names: softmax regression. */
export function namedLayers(): nn.Sequential {
  return new nn.Sequential({ flatten: new FlattenLayer(), linear: new nn.Linear(784, 10) });
}

/** Sequential, written by hand: a module may add its parts by name. */
export class MySequential extends nn.Module {
  constructor(...modules: nn.Module[]) {
    super();
    modules.forEach((module, i) => {
      this.addModule(String(i), module);
    });
  }

  override forward(x: Tensor): Tensor {
    return this.children().reduce((input, module) => module(input), x);
  }
}

/** A list of layers; in a plain array they would not be found. */
export class Stack extends nn.Module {
  readonly layers = new nn.ModuleList([new nn.Linear(40, 30), new nn.ReLU()]);
  readonly scale: Tensor = rand([1]); // a plain tensor: neither trained nor saved

  override forward(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer(x);
    return x.mul(this.scale);
  }
}

/** Weights by name, chosen in each call. */
export class DictDense extends nn.Module {
  readonly params = new nn.ParameterDict({ linear1: new nn.Parameter(randn([4, 4])), linear2: new nn.Parameter(randn([4, 1])) });

  constructor() {
    super();
    this.params.update({ linear3: new nn.Parameter(randn([4, 2])) });
  }

  override forward(x: Tensor, choice = "linear1"): Tensor {
    return x.mm(this.params.get(choice));
  }
}

/** Weights in a list, used one after the other. */
export class ListDense extends nn.Module {
  readonly params = new nn.ParameterList([0, 1, 2].map(() => new nn.Parameter(randn([4, 4]))));

  override forward(x: Tensor): Tensor {
    for (const weight of this.params) x = x.mm(weight);
    return x;
  }
}

/** One layer used twice has one weight; its gradient is the sum of both uses. */
export function sharedLayer(): { readonly net: nn.Sequential; readonly y: Tensor } {
  const linear = new nn.Linear(1, 1, { bias: false });
  nn.init.constant_(linear.weight, 3);
  const net = new nn.Sequential(linear, linear);
  const y = net(ones([1, 1])).sum();
  y.backward();
  return { net, y };
}

/** Prints what the guide shows. */
export function run(print: typeof console.log = console.log): void {
  manualSeed(0);
  const net = namedLayers();
  print(net);
  print(Object.keys(net.stateDict()));
  for (const [name, parameter] of net.namedParameters()) {
    nn.init.normal_(parameter, 0, 0.01);
    print(name, parameter.shape);
  }

  const nested = new nn.Sequential(new Stack(), new nn.Linear(30, 20), new MySequential(new nn.Linear(20, 2), new nn.Tanh()));
  print(nested);
  print(nested(rand([2, 40])).shape);

  const dense = new DictDense();
  print(dense);
  print(dense(ones([1, 4]), "linear3").shape);
  print(new ListDense());

  const shared = sharedLayer();
  print(shared.y);
  print(
    shared.net.namedParameters().map(([name]) => name),
    shared.net.parameters()[0].grad,
  );
}

if (process.argv[1] === import.meta.filename) run();
