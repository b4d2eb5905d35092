import "@sconce/backend-cpu";
import { gradcheck, gradgradcheck } from "@sconce/autograd";
import { ones, type Tensor, tensor } from "@sconce/core";
import * as special from "@sconce/core/special";
import { describe, expect, it } from "vitest";

const f64 = (data: readonly number[]): Tensor => tensor([...data], { dtype: "float64" });

/** Values computed in 30 digits. */
const VALUES: { readonly [name: string]: readonly (readonly [x: number, y: number])[] } = {
  i0e: [
    [-30, 0.0731459464822373],
    [-9.5, 0.13125126081426788],
    [-3.25, 0.23223175875812105],
    [-0.75, 0.5411652192034954],
    [0.1, 0.9071009257823011],
    [0.75, 0.5411652192034954],
    [2.5, 0.27004644161220276],
    [7.5, 0.14831583007739552],
    [8.5, 0.13900184305484758],
    [40, 0.06327827987523534],
  ],
  i1e: [
    [-30, -0.07191633059864755],
    [-9.5, -0.12413824765488178],
    [-3.25, -0.19203105433313603],
    [-0.75, -0.18988779330485503],
    [0.1, 0.045298446808809324],
    [0.75, 0.18988779330485503],
    [2.5, 0.20658464953126657],
    [7.5, 0.1380412115485542],
    [8.5, 0.13054935509459586],
    [40, 0.062482229074442064],
  ],
  besselJ0: [
    [-30, -0.08636798358104021],
    [-9.5, -0.19392874768742235],
    [-3.25, -0.33275080217061154],
    [-0.75, 0.8642422751666486],
    [0.1, 0.99750156206604],
    [0.75, 0.8642422751666486],
    [2.5, -0.048383776468198],
    [7.5, 0.2663396578803784],
    [8.5, 0.041939251842934504],
    [40, 0.00736689058423729],
  ],
  besselJ1: [
    [-30, 0.11875106261662294],
    [-9.5, -0.16126443075752986],
    [-3.25, -0.2411196880152039],
    [-0.75, -0.34924360217486217],
    [0.1, 0.049937526036242],
    [0.75, 0.34924360217486217],
    [2.5, 0.49709410246427405],
    [7.5, 0.1352484275797055],
    [8.5, 0.2731219636740537],
    [40, 0.126038318037585],
  ],
  erfcx: [
    [-9.5, 3.134057697027116e39],
    [-3.25, 77315.13640375607],
    [-0.75, 3.003171663627452],
    [0.1, 0.8964569799691267],
    [0.75, 0.5069376502931449],
    [2.5, 0.2108063640611436],
    [7.5, 0.07457369306287669],
    [8.5, 0.06592512249998035],
    [40, 0.014100335983377814],
  ],
  ndtr: [
    [-30, 4.906713927148187e-198],
    [-9.5, 1.0494515075362608e-21],
    [-3.25, 0.000577025042390767],
    [-0.75, 0.2266273523768682],
    [0.1, 0.539827837277029],
    [0.75, 0.7733726476231318],
    [2.5, 0.9937903346742238],
    [7.5, 0.9999999999999681],
    [8.5, 1.0],
    [40, 1.0],
  ],
  logNdtr: [
    [-30, -454.3212439563432],
    [-9.5, -48.30601929896523],
    [-3.25, -7.457624891374112],
    [-0.75, -1.4844482299196562],
    [0.1, -0.6165050101150263],
    [0.75, -0.25699426683836524],
    [2.5, -0.006229025485860002],
    [7.5, -3.190891672910947e-14],
    [8.5, -9.479534822203367e-18],
    [40, 0.0],
  ],
  airyAi: [
    [-30, -0.08796818845684216],
    [-9.5, 0.3191032477191282],
    [-3.25, -0.4190132668052308],
    [-0.75, 0.5177725751515836],
    [0.1, 0.3292031299435381],
    [0.75, 0.17933630547864524],
    [2.5, 0.01572592338047049],
    [7.5, 1.9172560675134309e-7],
    [8.5, 1.0997009755195506e-8],
    [40, 6.365742658552915e-75],
  ],
  sphericalBesselJ0: [
    [-30, -0.03293438746976206],
    [-9.5, -0.007910644259137822],
    [-3.25, -0.03329081062464873],
    [-0.75, 0.9088516800311123],
    [0.1, 0.9983341664682815],
    [0.75, 0.9088516800311123],
    [2.5, 0.2393888576415826],
    [7.5, 0.12506666356996518],
    [8.5, 0.09393966030864592],
    [40, 0.018627829011983718],
  ],
  besselY0: [
    [0.01, -3.005455637083646],
    [0.5, -0.44451873350670656],
    [1.9, 0.4968199712838202],
    [2.1, 0.5182937375137607],
    [6, -0.28819468398157916],
    [7.9, 0.20652094814437577],
    [8.1, 0.23809132870223482],
    [30, -0.11729573168666403],
  ],
  besselY1: [
    [0.01, -63.67859628206065],
    [0.5, -1.471472392670243],
    [1.9, -0.1644057723315953],
    [2.1, -0.05167861213042353],
    [6, -0.17501034430039825],
    [7.9, -0.18172107728057313],
    [8.1, -0.13314879595249593],
    [30, 0.08442557066174723],
  ],
  modifiedBesselK0: [
    [0.01, 4.721244730161095],
    [0.5, 0.9244190712276659],
    [1.9, 0.1288459792760475],
    [2.1, 0.10078374088996693],
    [6, 0.0012439943280131232],
    [7.9, 0.0001628676676876532],
    [8.1, 0.00013173427864935836],
    [30, 2.1324774964630563e-14],
  ],
  modifiedBesselK1: [
    [0.01, 99.97389411829624],
    [0.5, 1.656441120003301],
    [1.9, 0.15966015303266762],
    [2.1, 0.12274641153350789],
    [6, 0.001343919717735509],
    [7.9, 0.00017288430649238984],
    [8.1, 0.00013964122894503082],
    [30, 2.1677320018915495e-14],
  ],
  scaledModifiedBesselK0: [
    [0.01, 4.768694028544462],
    [0.5, 1.5241093857739094],
    [1.9, 0.8614506167517558],
    [2.1, 0.8230171525316621],
    [6, 0.5018631308621401],
    [7.9, 0.4393000819002152],
    [8.1, 0.4339943754308567],
    [30, 0.22788666561625373],
  ],
  scaledModifiedBesselK1: [
    [0.01, 100.97864845824004],
    [0.5, 2.731009708211786],
    [1.9, 1.0674709298145701],
    [2.1, 1.0023680527405792],
    [6, 0.5421759102771335],
    [7.9, 0.4663177847368799],
    [8.1, 0.4600435707528057],
    [30, 0.2316541293777118],
  ],
  entr: [
    [0.01, 0.04605170185988092],
    [0.5, 0.34657359027997264],
    [1.9, -1.21952238372755],
    [2.1, -1.5580684239316924],
    [6, -10.75055681536833],
    [7.9, -16.32821579983651],
    [8.1, -16.944098899594984],
    [30, -102.03592144986466],
  ],
  ndtri: [
    [1e-10, -6.361340902404057],
    [0.001, -3.0902323061678136],
    [0.07, -1.4757910281791706],
    [0.3, -0.5244005127080408],
    [0.5, 0.0],
    [0.9, 1.2815515655446006],
    [0.999, 3.090232306167813],
  ],
};

/** `[x, q, zeta]`, `[n, x, polygamma]`, `[a, x, lower part]` */
const ZETA: readonly (readonly [number, number, number])[] = [
  [2, 1, 1.6449340668482264],
  [3, 0.5, 8.41439832211716],
  [1.5, 4.25, 1.0305403279164551],
  [10, 20, 2.698888836254023e-13],
];
const POLYGAMMA: readonly (readonly [number, number, number])[] = [
  [1, 0.3, 12.245364546107732],
  [1, -1.5, 9.379246644989124],
  [2, 2.5, -0.2362040516417274],
  [3, -0.25, 1555.7633125348507],
  [4, 7, -0.00329677158902638],
];
const INCOMPLETE: readonly (readonly [number, number, number])[] = [
  [0.5, 0.2, 0.4729107431344619],
  [3, 2.5, 0.45618688411667047],
  [10, 14, 0.890600630357261],
  [100, 90, 0.15822098918643016],
  [100000.0, 100100.0, 0.6244451307044055],
];

/** What the double-precision exponential and error functions below leave of the digits. */
const LOOSE: { readonly [name: string]: number } = { airyAi: 1e-9, ndtri: 1e-11 };

function expectClose(actual: Tensor, expected: readonly number[], relative: number, absolute = 1e-15): void {
  const got = actual.tolistSync() as number[];
  expected.forEach((y, i) => {
    const error = Math.abs(got[i] - y);
    if (!(error <= absolute + relative * Math.abs(y))) throw new Error(`element ${i} is ${got[i]}, expected ${y}`);
  });
}

type Unary = (x: Tensor) => Tensor;

describe("i0_", () => {
  it("writes into its argument, which has to be floating-point", () => {
    const x = tensor([0, 1]);
    expect(special.i0_(x)).toBe(x);
    expect(x.tolistSync()).toEqual(special.i0(tensor([0, 1])).tolistSync());
    expect(() => special.i0_(tensor([1], { dtype: "int32" }))).toThrow("can't be cast to the desired output type Int");
  });
});

describe("special functions in float64", () => {
  it.each(Object.keys(VALUES))("%s has the digits of the dtype", (name) => {
    const fn = (special as unknown as { readonly [name: string]: Unary })[name];
    const points = VALUES[name];
    expectClose(
      fn(f64(points.map(([x]) => x))),
      points.map(([, y]) => y),
      LOOSE[name] ?? 1e-12,
    );
  });

  it("zeta, polygamma and the incomplete gamma functions have them too", () => {
    expectClose(
      special.zeta(f64(ZETA.map(([x]) => x)), f64(ZETA.map(([, q]) => q))),
      ZETA.map(([, , y]) => y),
      1e-13,
    );
    for (const [n, x, y] of POLYGAMMA) expectClose(special.polygamma(n, f64([x])), [y], n === 1 ? 1e-6 : 1e-11);
    const [a, x] = [f64(INCOMPLETE.map(([v]) => v)), f64(INCOMPLETE.map(([, v]) => v))];
    expectClose(
      special.gammainc(a, x),
      INCOMPLETE.map(([, , y]) => y),
      1e-9,
    );
    expectClose(
      special.gammaincc(a, x),
      INCOMPLETE.map(([, , y]) => 1 - y),
      1e-9,
    );
  });

  it("orthogonal polynomials follow their definitions", () => {
    const x = f64([-0.8, 0.3, 1.7]);
    expectClose(
      special.chebyshevPolynomialT(x, 5),
      [-0.8, 0.3, 1.7].map((v) => 16 * v ** 5 - 20 * v ** 3 + 5 * v),
      1e-13,
    );
    expectClose(
      special.chebyshevPolynomialU(x, 3),
      [-0.8, 0.3, 1.7].map((v) => 8 * v ** 3 - 4 * v),
      1e-13,
    );
    expectClose(
      special.hermitePolynomialH(x, 4),
      [-0.8, 0.3, 1.7].map((v) => 16 * v ** 4 - 48 * v ** 2 + 12),
      1e-13,
    );
    expectClose(
      special.hermitePolynomialHe(x, 3),
      [-0.8, 0.3, 1.7].map((v) => v ** 3 - 3 * v),
      1e-13,
    );
    expectClose(
      special.laguerrePolynomialL(x, 2),
      [-0.8, 0.3, 1.7].map((v) => (v * v - 4 * v + 2) / 2),
      1e-13,
    );
    expectClose(
      special.legendrePolynomialP(x, 3),
      [-0.8, 0.3, 1.7].map((v) => (5 * v ** 3 - 3 * v) / 2),
      1e-13,
    );
    expectClose(special.legendrePolynomialP(x, f64([0, 1, -1])), [1, 0.3, 0], 1e-13);
  });
});

describe("derivatives of special functions", () => {
  const inputs: { readonly [name: string]: readonly number[] } = {
    i0: [-9, -1.5, 0.4, 3],
    i0e: [-9, -1.5, 0.4, 3],
    i1: [-9, -1.5, 0.4, 3],
    i1e: [-9, -1.5, 0.4, 3],
    erfcx: [-1.5, -0.2, 0.4, 3],
    ndtr: [-2, -0.5, 0.7, 1.5],
    logNdtr: [-3, -0.5, 0.7, 1.5],
    ndtri: [0.05, 0.3, 0.5, 0.95],
    entr: [0.1, 0.5, 1, 3],
  };

  it.each(Object.keys(inputs))("%s has right first and second derivatives", (name) => {
    const fn = (special as unknown as { readonly [name: string]: Unary })[name];
    const x = f64(inputs[name]).requiresGrad_();
    expect(gradcheck(fn, [x])).toBe(true);
    expect(gradgradcheck(fn, [x])).toBe(true);
  });

  it("functions of two variables broadcast and have them too", () => {
    const x = f64([0.5, 1.5, 2.5]).requiresGrad_();
    const y = f64([0.3, 2]).reshape([2, 1]).requiresGrad_();
    expect(gradcheck((a, b) => special.xlog1py(a, b), [x, y])).toBe(true);
    expect(gradcheck((b) => special.gammainc(f64([0.7, 2]), b), [f64([0.4, 3]).requiresGrad_()])).toBe(true);
    expect(gradcheck((b) => special.polygamma(1, b), [f64([0.4, 3]).requiresGrad_()])).toBe(true);
    expect(gradcheck((b) => special.polygamma(2, b), [f64([0.4, 3]).requiresGrad_()])).toBe(true);
    expect(gradcheck((b) => special.multigammaln(b, 3), [f64([2.4, 3]).requiresGrad_()])).toBe(true);
  });

  it("what has no derivative in the first argument says so", () => {
    const a = ones([2]).requiresGrad_();
    expect(() =>
      special
        .gammainc(a, ones([2]))
        .sum()
        .backward(),
    ).toThrow(/derivative with respect to the first argument is not implemented/);
    expect(() =>
      special
        .zeta(a, ones([2]))
        .sum()
        .backward(),
    ).toThrow(/derivative with respect to the first argument is not implemented/);
  });

  it("nodes have PyTorch's names", () => {
    const x = ones([2]).requiresGrad_();
    expect(special.i0e(x).gradFn?.name).toBe("SpecialI0EBackward0");
    expect(special.entr(x).gradFn?.name).toBe("SpecialEntrBackward0");
  });
});

describe("arguments of special functions", () => {
  it("are integers, too", () => {
    expect(special.i0(tensor([0, 1], { dtype: "int32" })).dtype).toBe("float32");
  });

  it("that fit no function throw", () => {
    expect(() => special.polygamma(-1, ones([1]))).toThrow(/does not support negative n/);
    expect(() => special.multigammaln(ones([1]), 0)).toThrow(/p has to be greater than or equal to 1/);
    expect(() => special.xlog1py(ones([2]), ones([3]))).toThrow(/must match/);
  });
});
