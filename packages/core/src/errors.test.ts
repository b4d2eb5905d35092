import { expect, it } from "vitest";
import { ShapeError } from "./errors.js";

it("an error holds what is known of the call, and nothing else", () => {
  const error = new ShapeError("mm: no", { op: "mm", shapes: [[2, 3]] });
  expect([error.name, error.op, error.shapes, error.dtypes]).toEqual(["ShapeError", "mm", [[2, 3]], undefined]);
  expect(Object.keys(error)).toEqual(["name", "op", "shapes"]);
});
