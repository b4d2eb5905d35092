import { type Device, init, nn, ones, onesLike, startedDevices, tensor } from "sconce";

/** The first device of a list that starts here. */
export async function pickDevice(wanted: readonly string[]): Promise<Device> {
  for (const name of wanted) {
    try {
      return await init(name as Device);
    } catch {
      // Its package is not imported, or this machine lacks it: the next one.
    }
  }
  return "cpu";
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<void> {
  const device = await pickDevice(["webgpu", "cpu"]);
  print(device, startedDevices());

  const x = ones([2, 3]);
  print(x.device, x.to("cpu") === x); // where it is already: itself
  print(x.to("float64"), x.to("cpu", "float64").dtype);
  print(onesLike(x, { dtype: "int32" }));
  print(tensor([1, 2]).type(), x.double().type());

  const net = new nn.Linear(3, 1);
  print(net.to(device) === net); // a module moves its parameters
  print(net(x.to(device)).shape);
}

if (process.argv[1] === import.meta.filename) await run();
