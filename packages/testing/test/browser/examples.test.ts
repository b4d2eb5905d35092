import "@sconce/autograd";
import "@sconce/backend-cpu";
import * as webgl from "@sconce/backend-webgl";
import * as webgpu from "@sconce/backend-webgpu";
import { type Device, init, randn, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";
import { examplesIn } from "../../src/example-text.js";

declare global {
  interface ImportMeta {
    glob(
      pattern: string,
      options: { readonly query: string; readonly import: string; readonly eager: true },
    ): { readonly [file: string]: string };
  }
}

const sources: { readonly [device: string]: { readonly [file: string]: string } } = {
  webgpu: import.meta.glob("../../../backend-webgpu/src/**/*.ts", { query: "?raw", import: "default", eager: true }),
  webgl: import.meta.glob("../../../backend-webgl/src/**/*.ts", { query: "?raw", import: "default", eager: true }),
};
const own: { readonly [device: string]: object } = { webgpu, webgl };

/** Runs an example with its package's exports, a model on the device and images for it. */
async function run(device: Device, code: string): Promise<void> {
  const net = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.ReLU(), new nn.Flatten()).to(await init(device));
  const scope = { net, images: randn([4, 1, 28, 28], { device }), zeros, ...own[device] };
  const body = `return (async () => {\n${code}\n})();`;
  await new Function(...Object.keys(scope), body)(...Object.values(scope));
}

describe.each(Object.keys(own))("examples of @sconce/backend-%s", (device) => {
  const examples = Object.entries(sources[device]).flatMap(([file, text]) => examplesIn(text, file.replace(/^.*\/src\//, "src/")));

  it("are there", () => expect(examples.length).toBeGreaterThan(1));

  it.each(examples.map(({ where, code }) => [where, code]))("%s runs", async (_, code) => {
    expect(code).not.toBe("");
    await run(device as Device, code);
  });
});
