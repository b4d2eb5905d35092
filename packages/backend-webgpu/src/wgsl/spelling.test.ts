import { helpersOf } from "@sconce/core/shader";
import { describe, expect, it } from "vitest";
import { wgsl } from "./spelling.js";

describe("the spelling of WGSL", () => {
  it("puts types behind the names of functions, parameters and variables", () => {
    const text =
      "bool sc_f(float x, uint n) {\n  int k = int(x);\n  for (int i = 0; i < k; i++) { float y = float(i); }\n  return k > 0;\n}";
    expect(wgsl(text)).toBe(
      "fn sc_f(x: f32, n: u32) -> bool {\n  var k: i32 = i32(x);\n  for (var i: i32 = 0; i < k; i++) { var y: f32 = f32(i); }\n  return k > 0;\n}",
    );
  });

  it("knows vectors, arrays and bits", () => {
    expect(wgsl("uvec2 a = uvec2(1u, floatBitsToUint(x)); vec3 b;")).toBe(
      "var a: vec2<u32> = vec2<u32>(1u, bitcast<u32>(x)); var b: vec3<f32>;",
    );
    expect(wgsl("uint t[2] = uint[2](1u, 2u); uint w[3];")).toBe("var t: array<u32, 2> = array<u32, 2>(1u, 2u); var w: array<u32, 3>;");
    expect(wgsl("roundEven(intBitsToFloat(p[0].z))")).toBe("round(bitcast<f32>(p[0].z))");
  });

  it("leaves WGSL as it is", () => {
    const text =
      "fn f(x: vec2<f32>) -> bool {\n  let y: i32 = i32(x.x);\n  var z: array<vec4<u32>, 3>;\n  return bitcast<u32>(x.y) == 0u;\n}";
    expect(wgsl(text)).toBe(text);
    const helper = wgsl(helpersOf("sc_exp(x)", {}).join("\n"));
    expect(wgsl(helper)).toBe(helper);
  });
});
