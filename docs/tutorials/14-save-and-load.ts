import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load, manualSeed, nn, optim, randn, save, type Tensor, tensor } from "sconce";

/** A hidden layer of two units. */
export class MLP extends nn.Module {
  readonly hidden = new nn.Linear(3, 2);
  readonly act = new nn.ReLU();
  readonly output = new nn.Linear(2, 1);

  override forward(x: Tensor): Tensor {
    return this.output(this.act(this.hidden(x))); // [N, 3] -> [N, 1]
  }
}

/** Saves a network and an optimizer in `folder`, loads them into new ones. Returns true if both give the same results. */
export async function roundTrip(folder: string): Promise<boolean> {
  const net = new MLP();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.001, momentum: 0.9 });
  const x = randn([4, 3]);
  net(x).sum().backward();
  optimizer.step();
  await save(net.stateDict(), join(folder, "net.safetensors"));
  await save(optimizer.stateDict(), join(folder, "sgd.safetensors"));

  const net2 = new MLP();
  net2.loadStateDict(await load(join(folder, "net.safetensors")));
  const optimizer2 = new optim.SGD(net2.parameters(), { lr: 1 });
  optimizer2.loadStateDict(await load(join(folder, "sgd.safetensors")));
  for (const [model, sgd] of [
    [net, optimizer],
    [net2, optimizer2],
  ] as const) {
    sgd.zeroGrad();
    model(x).sum().backward();
    sgd.step();
  }
  return net(x).equalSync(net2(x));
}

/** What a run needs to go on. An alias: `save` takes no interfaces, to which anyone could add. */
type Checkpoint = {
  readonly epoch: number;
  readonly model: nn.StateDict;
  readonly optimizer: optim.OptimizerStateDict;
  readonly scheduler: optim.lrScheduler.SchedulerState;
};

/** A network with its optimizer and scheduler, as a run makes them. */
function setUp(): { net: MLP; optimizer: optim.SGD; scheduler: optim.lrScheduler.StepLR } {
  const net = new MLP();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  return { net, optimizer, scheduler: new optim.lrScheduler.StepLR(optimizer, 2) };
}

/** Saves a run after its third epoch and goes on from the file. Returns the epoch to run next and its learning rate. */
export async function resume(path: string): Promise<{ epoch: number; lr: number }> {
  const { net, optimizer, scheduler } = setUp();
  for (let epoch = 0; epoch < 3; epoch++) {
    net(randn([4, 3]))
      .sum()
      .backward();
    optimizer.step();
    scheduler.step();
  }
  const checkpoint: Checkpoint = { epoch: 3, model: net.stateDict(), optimizer: optimizer.stateDict(), scheduler: scheduler.stateDict() };
  await save(checkpoint, path);

  const run = setUp();
  const { epoch, model, optimizer: state, scheduler: schedule } = await load<Checkpoint>(path);
  run.net.loadStateDict(model);
  run.optimizer.loadStateDict(state);
  run.scheduler.loadStateDict(schedule);
  return { epoch, lr: run.scheduler.getLastLr()[0] };
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<void> {
  manualSeed(0);
  const net = new MLP();
  for (const [name, value] of Object.entries(net.stateDict())) print(name, value);
  print(new optim.SGD(net.parameters(), { lr: 0.001, momentum: 0.9 }).stateDict());

  const folder = await mkdtemp(join(tmpdir(), "sconce-"));
  try {
    const path = join(folder, "mixed.safetensors");
    await save({ epoch: 3, tensors: [tensor([1, 2]), tensor([[3]])] }, path);
    print(await load(path));
    print(await roundTrip(folder));
    print(await resume(join(folder, "checkpoint.safetensors")));
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) await run();
