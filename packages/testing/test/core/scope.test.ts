import "@sconce/backend-cpu";
import { keep, memory, ones, scope, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const made = (): Tensor => {
  const x = tensor([1, 2, 3]);
  x.dataSync();
  return x;
};

describe("scope", () => {
  it("frees what was made in it and keeps what the function returns, however nested", () => {
    const before = memory().buffers;
    let lost: Tensor | undefined;
    const kept = scope(() => {
      lost = made();
      return { list: [made(), { deep: made().add(1) }], map: new Map([["x", made()]]) };
    });
    expect(() => lost?.dataSync()).toThrow("freed at the end of the scope that made it");
    expect(lost?.isDisposed).toBe(true);
    expect((kept.list[1] as { deep: Tensor }).deep.tolistSync()).toEqual([2, 3, 4]);
    expect(kept.map.get("x")?.tolistSync()).toEqual([1, 2, 3]);
    expect(memory().buffers - before).toBeLessThanOrEqual(5);
  });

  it("returns what the function returns, and frees when it throws", () => {
    expect(scope(() => 5)).toBe(5);
    let lost: Tensor | undefined;
    expect(() =>
      scope(() => {
        lost = made();
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(lost?.isDisposed).toBe(true);
  });

  it("is not blamed for what dispose() freed", () => {
    const x = made();
    x.dispose();
    expect(() => x.add(1)).toThrow("this tensor was freed by its dispose()");
    let y: Tensor;
    {
      using block = made();
      y = block;
    }
    expect(() => y.dataSync()).toThrow("at the end of the block of its `using`");
  });

  it("hands results to the scope outside", () => {
    let inner: Tensor | undefined;
    scope(() => {
      inner = scope(() => made());
      expect(inner.isDisposed).toBe(false);
    });
    expect(inner?.isDisposed).toBe(true);
  });

  it("leaves alone what keep marks and what an older tensor took over", () => {
    const older = zeros(3);
    let marked: Tensor | undefined;
    let outer: Tensor | undefined;
    scope(() => {
      outer = scope(() => {
        marked = keep(made());
        older.copy_(made());
        return made();
      });
    });
    expect([marked?.tolistSync(), older.tolistSync(), outer?.isDisposed]).toEqual([[1, 2, 3], [1, 2, 3], true]);
  });

  it("keeps a pending result whose inputs it frees", () => {
    const sum = scope(() => {
      const a = made();
      return a.mul(2).add(made());
    });
    expect(sum.tolistSync()).toEqual([3, 6, 9]);
  });

  it("keeps a view of a freed base readable when the view is returned", () => {
    const row = scope(() => ones(2, 3).mul(4).select(0, 1));
    expect(row.tolistSync()).toEqual([4, 4, 4]);
  });

  it("refuses promises", () => {
    expect(() => scope(async () => made())).toThrow("scope: expected a synchronous function, got one that returned a Promise");
  });

  it("ends with `using`, in reverse order only", () => {
    let lost: Tensor | undefined;
    {
      using _ = scope();
      lost = made();
    }
    expect(lost.isDisposed).toBe(true);
    const outer = scope();
    const inner = scope();
    expect(() => outer[Symbol.dispose]()).toThrow("reverse order");
    inner[Symbol.dispose]();
    outer[Symbol.dispose]();
  });
});

describe("dispose", () => {
  it("frees at once", () => {
    const x = made();
    const before = memory().bytes;
    x.dispose();
    expect(before - memory().bytes).toBe(12);
    expect(() => x.add(1)).toThrow("freed");
  });
});
