import type * as viz from "@viz-js/viz";
import { expectTypeOf, it } from "vitest";
import type { Graphviz } from "./dot.js";

it("the package of Graphviz fits", () => {
  expectTypeOf<typeof viz>().toExtend<Graphviz>();
});
