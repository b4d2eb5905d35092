import { expect, it } from "vitest";
import type { GpuBuffer, GpuDevice } from "./gpu.js";
import { Pipelines, type Program } from "./pipelines.js";
import { Source } from "./wgsl/source.js";

it("keeps 1,024 pipelines, lets go of those that were not wanted for longest, and makes them again", async () => {
  const device = new Proxy({}, { get: () => () => ({}) }) as GpuDevice;
  const pipelines = new Pipelines(device, {} as GpuBuffer, {} as GpuBuffer, false);
  const all: Program[] = [];
  const named = (name: string): Program => pipelines.get(name, () => new Source(64));
  const often = pipelines.pipelineOf(named("often"));
  for (let i = 0; i < 3000; i++) {
    const program = named(`program ${i}`);
    all.push(program);
    if (i % 2 === 0) pipelines.pipelineOf(program);
    else await pipelines.compile(program);
    expect(pipelines.pipelineOf(named("often"))).toBe(often);
    expect(program.pipeline).not.toBeNull();
  }
  const ready = all.filter(({ pipeline }) => pipeline !== null);
  expect(ready.length).toBeLessThan(1024);
  expect(ready.length).toBeGreaterThan(700);
  expect(all[0].pipeline).toBeNull();
  const again = pipelines.pipelineOf(all[0]);
  expect(pipelines.pipelineOf(all[0])).toBe(again);
  expect(pipelines.compiled).toBe(3002);
});
