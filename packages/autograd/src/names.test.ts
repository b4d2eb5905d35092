import { describe, expect, it } from "vitest";
import { defaultName, nameOf } from "./names.js";

describe("names of nodes", () => {
  it("end in Backward0, or in the digit that the word ends in", () => {
    expect(nameOf("Addmm")).toBe("AddmmBackward0");
    expect(nameOf("Sum1")).toBe("SumBackward1");
    expect(nameOf("MaxPool2DWithIndices")).toBe("MaxPool2DWithIndicesBackward0");
    expect(nameOf("Copy")).toBe("CopyBackwards");
  });

  it("keep a digit that belongs to the word", () => {
    expect(["Atan2", "Expm1", "Log2", "Log10", "Logaddexp2"].map(nameOf)).toEqual([
      "Atan2Backward0",
      "Expm1Backward0",
      "Log2Backward0",
      "Log10Backward0",
      "Logaddexp2Backward0",
    ]);
  });

  it("follow from a primitive, its attributes and its rank", () => {
    expect(defaultName("leakyRelu", null, 1)).toBe("LeakyReluBackward0");
    expect(defaultName("reduce", { op: "sum", dims: [0, 1], keepdim: false }, 2)).toBe("SumBackward0");
    expect(defaultName("reduce", { op: "sum", dims: [1], keepdim: false }, 2)).toBe("SumBackward1");
    expect([2, 3].map((rank) => defaultName("matmul", null, rank))).toEqual(["MmBackward0", "BmmBackward0"]);
    expect(defaultName("softmax", { dim: 1, log: true }, 2)).toBe("LogSoftmaxBackward0");
  });
});
