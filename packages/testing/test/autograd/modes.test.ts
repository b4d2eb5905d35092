import "@sconce/backend-cpu";
import "@sconce/autograd";
import { detectAnomaly, enableGrad, inferenceMode, isGradEnabled, noGrad, setDetectAnomaly, setGradEnabled } from "@sconce/autograd";
import { type Tensor, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const leaf = (data: number | number[]): Tensor => tensor(data, { requiresGrad: true });

describe("grad modes", () => {
  it("noGrad records nothing (S003-19)", () => {
    const [x, y] = [leaf([1]), leaf([2])];
    expect(noGrad(() => x.add(y.mul(2))).requiresGrad).toBe(false);
    expect(x.add(y).requiresGrad).toBe(true);
  });

  it("y3 of S004-15 ignores what was made without recording", () => {
    const x = leaf(2);
    const y1 = x.square();
    const y2 = noGrad(() => x.pow(3));
    const y3 = y1.add(y2);
    expect([y2.requiresGrad, y2.gradFn, String(y3)]).toEqual([false, null, "tensor(12., gradFn=<AddBackward0>)"]);
    y3.backward();
    expect(x.grad?.itemSync()).toBe(4);
  });

  it("nest, and come back after an error", () => {
    const seen: boolean[] = [];
    noGrad(() => {
      seen.push(isGradEnabled());
      enableGrad(() => seen.push(isGradEnabled()));
      setGradEnabled(true, () => seen.push(isGradEnabled()));
      inferenceMode(() => seen.push(isGradEnabled()));
      seen.push(isGradEnabled());
    });
    expect(seen).toEqual([false, true, true, false, false]);
    expect(() => noGrad(() => expect.fail("inside"))).toThrow("inside");
    expect(isGradEnabled()).toBe(true);
  });

  it("last to the end of a block with using", () => {
    {
      using _ = noGrad();
      expect(isGradEnabled()).toBe(false);
      {
        using _inner = enableGrad();
        expect(isGradEnabled()).toBe(true);
      }
      expect(isGradEnabled()).toBe(false);
    }
    expect(isGradEnabled()).toBe(true);
  });

  it("can be set for good", () => {
    setGradEnabled(false);
    const off = leaf(1).mul(2).requiresGrad;
    setGradEnabled(true);
    expect([off, leaf(1).mul(2).requiresGrad]).toEqual([false, true]);
  });

  it("end in reverse order", () => {
    const outer = noGrad();
    const inner = enableGrad();
    expect(() => outer[Symbol.dispose]()).toThrow("noGrad: expected regions to end in reverse order of their start");
    inner[Symbol.dispose]();
    outer[Symbol.dispose]();
    expect(isGradEnabled()).toBe(true);
  });

  it("tell of an await inside of them where another task misses its record", async () => {
    const w = leaf(1);
    const evaluation = async (): Promise<void> => {
      using _ = noGrad();
      await Promise.resolve();
    };
    const training = async (): Promise<void> => {
      const loss = w.mul(2).sum();
      await new Promise((resolve) => setTimeout(resolve));
      loss.backward();
    };
    const results = await Promise.allSettled([evaluation(), training()]);
    expect(results[1]).toMatchObject({ reason: { message: expect.stringMatching(/was open during an await.*: await outside of it/) } });
    expect(isGradEnabled()).toBe(true);
  });

  it("name the safe form where tasks end them out of order", async () => {
    const task = async (turns: number): Promise<void> => {
      using _ = noGrad();
      for (let i = 0; i < turns; i++) await Promise.resolve();
    };
    const results = await Promise.allSettled([task(1), task(4)]);
    expect(results[0]).toMatchObject({ reason: { message: expect.stringContaining("const y = noGrad(() => net(x)); await y.item()") } });
    expect(isGradEnabled()).toBe(true);
  });

  it("refuse asynchronous functions", async () => {
    await expect(async () => noGrad(async () => 1)).rejects.toThrow("noGrad: expected a synchronous function");
    expect(isGradEnabled()).toBe(true);
  });
});

describe("anomaly mode", () => {
  it("names the op whose gradient is NaN and the line that called it", () => {
    const run = (): void => leaf([0, 1]).sqrt().mul(0).sum().backward();
    expect(run).not.toThrow();
    let error: Error | undefined;
    try {
      detectAnomaly(run);
    } catch (caught) {
      error = caught as Error;
    }
    expect(error?.message).toContain("Function 'SqrtBackward0' returned nan values in its 0th output");
    expect(error?.message).toContain("modes.test.ts");
  });

  it("ends with its region", () => {
    setDetectAnomaly(true);
    setDetectAnomaly(false);
    {
      using _ = detectAnomaly();
    }
    expect(() => leaf([0]).sqrt().mul(0).sum().backward()).not.toThrow();
  });
});
