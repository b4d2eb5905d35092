import { nn, type Tensor } from "sconce";
import { functional as F } from "sconce/nn";
import type { ModelName } from "./choices.js";

/** LeNet, as in PyTorch's tutorial: `[N, 1, 32, 32]` to `[N, 10]`. */
class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5);
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(16 * 5 * 5, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  forward(x: Tensor): Tensor {
    x = F.maxPool2d(F.relu(this.conv1(x)), 2); // [N, 1, 32, 32] -> [N, 6, 14, 14]
    x = F.maxPool2d(F.relu(this.conv2(x)), 2); // -> [N, 16, 5, 5]
    x = x.flatten(1); // -> [N, 400]
    x = F.relu(this.fc1(x));
    x = F.relu(this.fc2(x));
    return this.fc3(x);
  }
}

/** A classifier of `[N, 1, H, W]` images. */
export type Classifier = nn.Module & ((x: Tensor) => Tensor);

/** The models by name, and the pixels of background that each wants around the 28 x 28 images. */
export const models: { readonly [K in ModelName]: { readonly pad: number; make(): Classifier } } = {
  mlp: {
    pad: 0,
    make: () =>
      new nn.Sequential(
        new nn.Flatten(),
        new nn.Linear(784, 256),
        new nn.ReLU(),
        new nn.Linear(256, 128),
        new nn.ReLU(),
        new nn.Linear(128, 10),
      ),
  },
  cnn: {
    pad: 0,
    make: () =>
      new nn.Sequential(
        new nn.Conv2d(1, 32, 3),
        new nn.ReLU(),
        new nn.Conv2d(32, 64, 3),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(9216, 128),
        new nn.ReLU(),
        new nn.Linear(128, 10),
      ),
  },
  lenet: { pad: 2, make: () => new LeNet() },
};
