import { type Device, manualSeed, nn, optim, tensor } from "sconce";

/** What a page reports. */
export interface Trained {
  readonly model: string;
  readonly loss: number;
}

/** Learns "exclusive or" in 100 steps. */
export async function train(device: Device = "cpu"): Promise<Trained> {
  manualSeed(0);
  const net = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1)).to(device);
  const x = tensor(
    [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ],
    { device },
  );
  const y = tensor([[0], [1], [1], [0]], { device });
  const optimizer = new optim.Adam(net.parameters(), { lr: 0.05 });
  const criterion = new nn.MSELoss();
  for (let step = 0; step < 100; step++) {
    optimizer.zeroGrad();
    criterion(net(x), y).backward();
    optimizer.step();
  }
  return { model: String(net), loss: (await criterion(net(x), y).item()) as number };
}
