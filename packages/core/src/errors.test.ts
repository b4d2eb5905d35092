import { expect, it } from "vitest";
import { ShapeError, ValueError } from "./errors.js";

it("an error holds what is known of the call, and nothing else", () => {
  const error = new ShapeError("mm: no", { op: "mm", shapes: [[2, 3]] });
  expect([error.name, error.op, error.shapes, error.dtypes]).toEqual(["ShapeError", "mm", [[2, 3]], undefined]);
  expect(Object.keys(error)).toEqual(["name", "op", "shapes"]);
});

it("an error knows its op by the start of its message", () => {
  const opOf = (message: string): string | undefined => new ValueError(message).op;
  expect(opOf("linalg.qr: expected a mode, got null")).toBe("linalg.qr");
  expect(opOf("einsum(): expected one arrow")).toBe("einsum");
  expect(opOf("a sentence: with a colon")).toBeUndefined();
  expect(opOf("ZeroDivisionError: integer division")).toBeUndefined();
  expect(new ValueError("mm: no", { op: "linear" }).op).toBe("linear");
});
