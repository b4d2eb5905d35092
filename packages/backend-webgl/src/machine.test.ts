import { expect, it, vi } from "vitest";
import { Source } from "./glsl/source.js";
import type { Context, Program } from "./gpu.js";
import { Machine } from "./machine.js";

/** A context that counts the programs it has. */
function counting(): { readonly machine: Machine; readonly live: Set<object>; most: number } {
  const live = new Set<object>();
  const counts = { live, most: 0 };
  const deleteProgram = (program: object): void => void live.delete(program);
  const gl = new Proxy({}, { get: (_, name) => (name === "deleteProgram" ? deleteProgram : () => ({})) }) as WebGL2RenderingContext;
  const compile = (): Program => {
    const program = {};
    live.add(program);
    counts.most = Math.max(counts.most, live.size);
    return { program, params: null, scales: null, words: 0, inputs: 0, outputs: 1, used: 0 };
  };
  return Object.assign(counts, { machine: new Machine({ gl, compile } as unknown as Context) });
}

const print = (): Source => new Source();

it("keeps 1,024 programs, deletes those that were not wanted for longest, and makes them again", () => {
  const counts = counting();
  const { machine, live } = counts;
  const own = new Map<string, Program>();
  const first = machine.program("first", print);
  const often = machine.programIn(own, "often", print);
  for (let i = 0; i < 5000; i++) {
    machine.program(`program ${i}`, print);
    expect(machine.programIn(own, "often", print)).toBe(often);
  }
  expect(counts.most).toBeLessThanOrEqual(1025);
  expect(live.size).toBeGreaterThan(700);
  expect(live.has(first.program)).toBe(false);
  expect(live.has(often.program)).toBe(true);
  const again = machine.program("first", vi.fn(print));
  expect(again).not.toBe(first);
  expect(live.has(again.program)).toBe(true);
  expect(machine.program("first", print)).toBe(again);
  expect(machine.compiled).toBe(5003);
});
