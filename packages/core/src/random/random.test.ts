import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type DType, hostArray, type TypedArray } from "../dtype.js";
import { defaultGenerator, getRngState, initialSeed, manualSeed, seed, setRngState } from "./default.js";
import {
  fillBernoulli,
  fillBernoulliFrom,
  fillCauchy,
  fillDropoutMask,
  fillExponential,
  fillGeometric,
  fillLogNormal,
  fillUniform,
} from "./fill.js";
import { Generator } from "./generator.js";
import { drawPermutation, fillRandint, fillRandom } from "./integer.js";
import { Mt19937 } from "./mt19937.js";
import { drawMultinomial } from "./multinomial.js";
import { fillNormal } from "./normal.js";

type Floats = Float32Array | Float64Array;
type Tensor = { dtype: DType; shape: number[]; data?: number[]; b64?: string };

function readGolden<T>(file: string): T[] {
  const bytes = readFileSync(new URL(`../../../testing/golden/rng/${file}.jsonl.gz`, import.meta.url));
  const lines = gunzipSync(bytes).toString().trim().split("\n");
  return lines.map((line) => JSON.parse(line) as T);
}

function decode({ dtype, shape, data, b64 }: Tensor): TypedArray {
  const out = hostArray(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  );
  if (b64 !== undefined) new Uint8Array(out.buffer).set(Buffer.from(b64, "base64"));
  else for (let i = 0; i < out.length; i++) out[i] = (dtype === "int64" ? BigInt(data![i]) : data![i]) as never;
  return out;
}

const integers = (indices: Int32Array): TypedArray => BigInt64Array.from(indices, BigInt);

/** Relative distance in units of the last place of the dtype. */
function worstUlps(actual: TypedArray, expected: TypedArray): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const unit = expected instanceof Float32Array ? 2 ** -24 : 2 ** -53;
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [Number(actual[i]), Number(expected[i])];
    if (!Object.is(a, b)) worst = Math.max(worst, Math.abs(a - b) / Math.abs(b) / unit);
  }
  return worst;
}

describe("streams of PyTorch 1.13.1", () => {
  type Case = { id: string; seed: string; fn: keyof typeof run; params: number[]; out: Tensor };
  const run = {
    uniform: (g: Generator, out: TypedArray, [from, to]: number[]) => fillUniform(g, out as Floats, from, to),
    normal: (g: Generator, out: TypedArray, [mean, std]: number[]) => fillNormal(g, out as Floats, mean, std),
    exponential: (g: Generator, out: TypedArray, [lambda]: number[]) => fillExponential(g, out as Floats, lambda),
    cauchy: (g: Generator, out: TypedArray, [median, sigma]: number[]) => fillCauchy(g, out as Floats, median, sigma),
    logNormal: (g: Generator, out: TypedArray, [mean, std]: number[]) => fillLogNormal(g, out as Floats, mean, std),
    geometric: (g: Generator, out: TypedArray, [p]: number[]) => fillGeometric(g, out, p),
    bernoulli: (g: Generator, out: TypedArray, [p]: number[]) => fillBernoulli(g, out, p),
    bernoulliFrom: (g: Generator, out: TypedArray) => {
      const steps = out.length - 1;
      fillBernoulliFrom(g, out, (out as Floats).map((_, i) => (i < out.length / 2 ? i / steps : 1 - (steps - i) / steps)) as Floats);
    },
    dropout: (g: Generator, out: TypedArray, [p]: number[]) => fillDropoutMask(g, out as Floats, p),
    randint: (g: Generator, out: TypedArray, [from, to]: number[]) => fillRandint(g, out, BigInt(from), BigInt(to)),
    random: (g: Generator, out: TypedArray, _: number[], dtype: DType) => fillRandom(g, out, dtype),
    randperm: (g: Generator, out: TypedArray, [n]: number[]) =>
      (out as BigInt64Array).set(integers(drawPermutation(g, n)) as BigInt64Array),
    multinomial: () => undefined,
    state: (g: Generator, out: TypedArray, [n]: number[]) => {
      if (n > 0) fillNormal(g, new Float32Array(n));
      if (n > 0) fillUniform(g, new Float32Array(100));
      (out as Uint8Array).set(g.getState());
    },
  };
  // fdlibm's log, sin, cos, tan and exp differ from glibc's in the last bits of a float64.
  const tolerated: Record<string, number> = { "normal float64": 8, "exponential float64": 4, "cauchy float64": 64, "logNormal float64": 8 };

  for (const { id, seed, fn, params, out } of readGolden<Case>("more_streams").filter((c) => c.fn !== "multinomial")) {
    it(`${id} ${out.dtype} seed ${seed} ${JSON.stringify(params)}`, () => {
      const expected = decode(out);
      const actual = hostArray(out.dtype, expected.length);
      run[fn](new Generator(BigInt(seed)), actual, params, out.dtype);
      expect(worstUlps(actual, expected)).toBeLessThanOrEqual(tolerated[`${fn} ${out.dtype}`] ?? 0);
    });
  }

  const weights = [0.1, 0.2, 0.3, 0.4, 0, 2, 5, 1e-3, 0.7, 0.01, 0.2, 0.3];
  const draws = readGolden<Case>("more_streams").filter((c) => c.fn === "multinomial");
  draws.forEach(({ id, seed, params, out }, i) => {
    it(`${id} seed ${seed} ${JSON.stringify(params)}`, () => {
      const array = i < draws.length / 2 ? new Float32Array(weights) : new Float64Array(new Float32Array(weights));
      const actual = drawMultinomial(new Generator(BigInt(seed)), array, 2, params[0], params[1] === 1);
      expect(integers(actual)).toEqual(decode(out));
    });
  });
});

describe("golden/rng streams", () => {
  type Case = { id: string; seed: number; call: string; args: never[]; out: Tensor & { weight: Tensor; bias: Tensor } };
  const count = (args: (number | number[])[]): number => args.flat().reduce((a, b) => a * b, 1);
  const run: Record<string, (g: Generator, args: never[]) => TypedArray> = {
    "Linear init": () => new Float32Array(),
    bernoulli: (g) => filled(20, (out) => fillBernoulliFrom(g, out, new Float32Array(20).fill(0.3))),
    dropout: (g) => filled(20, (out) => fillDropoutMask(g, out, 0.4)),
    multinomial: (g) => integers(drawMultinomial(g, new Float32Array([0.1, 0.2, 0.3, 0.4]), 1, 6, true)),
    normal_: (g) => filled(12, (out) => fillNormal(g, out, 1, 2)),
    uniform_: (g) => filled(12, (out) => fillUniform(g, out, -1, 3)),
    rand: (g, args) => filled(count(args), (out) => fillUniform(g, out)),
    randn: (g, args) => filled(count(args), (out) => fillNormal(g, out)),
    randperm: (g, [n]) => integers(drawPermutation(g, n)),
    randint: (g, [from, to, shape]) => {
      const out = new BigInt64Array(count(shape));
      fillRandint(g, out, from, to);
      return out;
    },
  };
  function filled(n: number, fill: (out: Float32Array) => void): Float32Array {
    const out = new Float32Array(n);
    fill(out);
    return out;
  }

  for (const { id, seed, args, out } of readGolden<Case>("streams")) {
    const name = id.split("#")[0];
    it(`${id} seed ${seed}`, () => {
      const generator = new Generator(seed);
      if (name === "Linear init") {
        const bound = 1 / Math.sqrt(4);
        const weight = filled(12, (data) => fillUniform(generator, data, -bound, bound));
        const bias = filled(3, (data) => fillUniform(generator, data, -bound, bound));
        expect([weight, bias]).toEqual([decode(out.weight), decode(out.bias)]);
      } else {
        expect(run[name](generator, args)).toEqual(decode(out));
      }
    });
  }

  for (const { id, p, kept_value, kept_fraction, tolerance } of readGolden<Record<string, number>>("distribution")) {
    it(`${id} keeps the fraction 1 - p`, () => {
      const mask = new Float64Array(100_000);
      fillDropoutMask(new Generator(0), mask, p);
      const kept = mask.filter((v) => v !== 0);
      expect(Math.abs(kept.length / mask.length - kept_fraction)).toBeLessThan(tolerance);
      expect(kept.every((v) => Math.abs(v / kept_value - 1) < 1e-15)).toBe(true);
    });
  }
});

describe("Mt19937", () => {
  it("gives the reference sequence of seed 5489", () => {
    const engine = new Mt19937(5489);
    for (let i = 1; i < 10_000; i++) engine.next();
    expect(engine.next()).toBe(4123659995);
  });
});

describe("Generator", () => {
  it("continues an interrupted stream, the kept normal sample included", () => {
    const generator = new Generator(7);
    fillNormal(generator, new Float32Array(3));
    const state = generator.getState();
    const draw = (g: Generator): number[] => {
      const out = new Float64Array(5);
      fillNormal(g, out);
      return [...out, g.random()];
    };
    const first = draw(generator);
    expect(draw(generator)).not.toEqual(first);
    expect(draw(generator.setState(state))).toEqual(first);
    expect(draw(new Generator(1).setState(state).clone())).toEqual(first);
  });

  it("takes the seeds that PyTorch takes and reports the initial seed", () => {
    expect(new Generator().initialSeed()).toBe(67280421310721);
    expect(new Generator(-1).initialSeed()).toBe(2n ** 64n - 1n);
    expect(() => new Generator(1.5)).toThrow("expected an integer");
    expect(() => new Generator(1n << 64n)).toThrow("Overflow when unpacking long");
    const generator = new Generator(1);
    expect(generator.seed()).toBe(generator.initialSeed());
    expect(generator.initialSeed()).not.toBe(1);
  });

  it("refuses a damaged state", () => {
    const state = new Generator(0).getState();
    expect(() => new Generator().setState(state.subarray(1))).toThrow("5056 bytes, got 5055");
    state[8] = 77;
    expect(() => new Generator().setState(state)).toThrow("Invalid mt19937 state");
  });
});

describe("the default generator", () => {
  it("follows manualSeed and its saved state", () => {
    expect(manualSeed(0)).toBe(defaultGenerator());
    const state = getRngState();
    const first = defaultGenerator().random();
    expect(first).toBe(new Generator(0).random());
    setRngState(state);
    expect(defaultGenerator().random()).toBe(first);
    expect(initialSeed()).toBe(0);
    expect(seed()).toBe(initialSeed());
  });
});

describe("arguments", () => {
  const g = new Generator(0);
  const out = new Float32Array(4);
  it.each([
    ["uniform", () => fillUniform(g, out, 2, 1), "uniform_ expects to return a [from, to) range"],
    ["normal", () => fillNormal(g, out, 0, -1), "normal expects std >= 0.0"],
    ["bernoulli", () => fillBernoulli(g, out, 1.5), "p to be in [0, 1]"],
    ["bernoulliFrom", () => fillBernoulliFrom(g, out, new Float32Array([0, 1, Number.NaN, 1])), "p to be in [0, 1]"],
    ["dropout", () => fillDropoutMask(g, out, -1), "dropout probability has to be between 0 and 1"],
    ["exponential", () => fillExponential(g, out, -1), "lambda > 0.0"],
    ["geometric", () => fillGeometric(g, out, 1), "p to be in (0, 1)"],
    ["cauchy", () => fillCauchy(g, out, 0, 0), "sigma > 0.0"],
    ["logNormal", () => fillLogNormal(g, out, 0, 0), "std > 0.0"],
    ["randint", () => fillRandint(g, out, 3, 3), "'from' to be less than 'to'"],
    ["randint of fractions", () => fillRandint(g, out, 0, 2.5), "expected integers"],
    ["randint of a large integer", () => fillRandint(g, new Uint8Array(1), 0, 257), "to - 1 is out of bounds"],
    ["randint of a small integer", () => fillRandint(g, new Int32Array(1), -(2 ** 31) - 1, 0), "from is out of bounds"],
    ["randperm", () => drawPermutation(g, -1), "n must be non-negative"],
    ["too many samples", () => drawMultinomial(g, out.fill(1), 1, 5), "without replacement"],
    ["no weight", () => drawMultinomial(g, new Float32Array(4), 1, 2), "sum of probabilities <= 0"],
    ["negative weight", () => drawMultinomial(g, new Float32Array([1, -1]), 1, 2, true), "element < 0"],
  ])("%s out of range are refused", (_, call, message) => {
    expect(call).toThrow(message);
  });
});
