import type { Start } from "../networks.js";
import { makeRandomStart, type Network } from "../networks.js";
import type { Contender } from "./measure.js";
import { jaxProduct, jaxSteps } from "./peer-jax.js";
import { sconceProduct, sconceSteps } from "./peer-sconce.js";
import { tfjsProduct, tfjsSteps } from "./peer-tfjs.js";

/** Devices that every peer has. */
export type GpuDevice = "webgpu" | "webgl";

/** The same work for every peer. */
export interface Suite {
  readonly rounds: number;
  contenders(device: GpuDevice, peers: ReadonlySet<string>): Promise<Contender[]>;
}

/** A product of two square matrices. */
export interface ProductStart {
  readonly size: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

type Step = () => Promise<number>;
type Makers = { readonly [peer: string]: () => Promise<Step> };

/** Starts those of the makers whose peers are wanted. */
async function start(makers: Makers, peers: ReadonlySet<string>): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const [peer, make] of Object.entries(makers)) if (peers.has(peer)) contenders.push({ peer, step: await make() });
  return contenders;
}

/** Steps of Adam on one batch. */
function training(network: Network, batch: number, rounds: number): Suite {
  return {
    rounds,
    contenders: (device, peers) => {
      const { net, start: from }: { net: Parameters<typeof sconceSteps>[0]; start: Start } = makeRandomStart(network, batch);
      return start(
        {
          sconce: () => sconceSteps(net, from, device),
          "jax-js": () => jaxSteps(network, from, device),
          tfjs: () => tfjsSteps(network, from, device),
        },
        peers,
      );
    },
  };
}

/** A product that is read back. */
function product(size: number, rounds: number): Suite {
  return {
    rounds,
    contenders: (device, peers) => {
      const values = (shift: number): Float32Array => Float32Array.from({ length: size * size }, (_, i) => ((i * 7 + shift) % 13) / 13);
      const from: ProductStart = { size, a: values(0), b: values(5) };
      return start(
        {
          sconce: () => sconceProduct(from, device),
          "jax-js": () => jaxProduct(from, device),
          tfjs: () => tfjsProduct(from, device),
        },
        peers,
      );
    },
  };
}

/** What is measured, by name. */
export const SUITES: { readonly [name: string]: Suite } = {
  mlp: training("mlp", 64, 15),
  cnn: training("cnn", 8, 7),
  matmul256: product(256, 15),
  matmul512: product(512, 7),
};
