/**
 * WebAssembly opcodes by their name in the text format, from rows of names with consecutive codes. A number above 0xfff is a prefix byte and a
 * code: 0xfd105 is `fd` followed by 0x105.
 *
 * @module
 */

/** The first code, what all names begin with, and the rest of the names in the order of their codes; `_` leaves one out. */
type Row = readonly [code: number, prefix: string, names: string];
type Words<S extends string, Before = never> = S extends `${infer Word} ${infer Rest}` ? Words<Rest, Before | Word> : Before | S;
type NamesOf<R extends readonly Row[]> = {
  [I in keyof R]: `${R[I][1]}${Exclude<Words<R[I][2]>, "_">}`;
}[number];

function table<R extends readonly Row[]>(rows: R): { readonly [N in NamesOf<R>]: number } {
  const out: { [name: string]: number } = {};
  for (const [code, prefix, names] of rows) {
    names.split(" ").forEach((name, i) => {
      if (name !== "_") out[prefix + name] = code + i;
    });
  }
  return out as { [N in NamesOf<R>]: number };
}

const OP_ROWS = [
  [0x00, "", "unreachable"],
  [0x0f, "", "return"],
  [0x1b, "", "select"],
  [0x45, "i32.", "eqz eq ne lt_s _ gt_s gt_u le_s _ ge_s"],
  [0x50, "i64.", "eqz eq ne lt_s _ gt_s gt_u le_s _ ge_s"],
  [0x5b, "f32.", "eq ne lt gt le ge"],
  [0x61, "f64.", "eq ne lt gt le ge"],
  [0x67, "i32.", "clz _ popcnt add sub mul div_s div_u _ rem_u and or xor shl shr_s shr_u"],
  [0x79, "i64.", "clz _ popcnt add sub mul div_s div_u _ rem_u and or xor shl shr_s shr_u"],
  [0x8b, "f32.", "abs neg ceil floor trunc nearest sqrt add sub mul div min max"],
  [0x99, "f64.", "abs neg ceil floor trunc nearest sqrt add sub mul div min max"],
  [0xa7, "i32.", "wrap_i64"],
  [0xac, "i64.", "extend_i32_s"],
  [0xb2, "f32.", "convert_i32_s _ convert_i64_s _ demote_f64"],
  [0xb7, "f64.", "convert_i32_s _ convert_i64_s _ promote_f32"],
  [0xbe, "", "f32.reinterpret_i32"],
  [0xc0, "i32.", "extend8_s extend16_s"],
  [0xc2, "i64.", "extend8_s extend16_s"],
  [0xfd00f, "i8x16.", "splat"],
  [0xfd010, "", "i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat"],
  [0xfd023, "i8x16.", "eq ne lt_s _ gt_s gt_u le_s _ ge_s"],
  [0xfd02d, "i16x8.", "eq ne lt_s _ gt_s gt_u le_s _ ge_s"],
  [0xfd037, "i32x4.", "eq ne lt_s _ gt_s gt_u le_s _ ge_s"],
  [0xfd041, "f32x4.", "eq ne lt gt le ge"],
  [0xfd047, "f64x2.", "eq ne lt gt le ge"],
  [0xfd04d, "v128.", "not and andnot or xor bitselect any_true"],
  [0xfd05e, "", "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"],
  [0xfd060, "i8x16.", "abs neg popcnt all_true _ _ narrow_i16x8_u"],
  [0xfd067, "f32x4.", "ceil floor trunc nearest"],
  [0xfd06b, "i8x16.", "shl shr_s shr_u add _ _ sub"],
  [0xfd074, "f64x2.", "ceil floor _ _ _ _ trunc"],
  [0xfd076, "i8x16.", "min_s min_u max_s max_u"],
  [0xfd080, "i16x8.", "abs neg _ all_true _ _ narrow_i32x4_u"],
  [0xfd087, "i16x8.extend_", "low_i8x16_s _ low_i8x16_u"],
  [0xfd08b, "i16x8.", "shl shr_s shr_u add _ _ sub _ _ _ mul min_s min_u max_s max_u"],
  [0xfd094, "f64x2.", "nearest"],
  [0xfd0a0, "i32x4.", "abs neg _ all_true"],
  [0xfd0a7, "i32x4.extend_", "low_i16x8_s _ low_i16x8_u"],
  [0xfd0ab, "i32x4.", "shl shr_s shr_u add _ _ sub _ _ _ mul min_s min_u max_s max_u"],
  [0xfd0c0, "i64x2.", "abs neg _ all_true"],
  [0xfd0c9, "i64x2.extend_", "low_i32x4_u"],
  [0xfd0cb, "i64x2.", "shl shr_s shr_u add _ _ sub _ _ _ mul eq ne lt_s gt_s le_s ge_s"],
  [0xfd0de, "i64x2.extmul_", "low_i32x4_u high_i32x4_u"],
  [0xfd0e0, "f32x4.", "abs neg _ sqrt add sub mul div min max pmin pmax"],
  [0xfd0ec, "f64x2.", "abs neg _ sqrt add sub mul div min max pmin pmax"],
  [0xfd0f8, "i32x4.trunc_sat_", "f32x4_s"],
  [0xfd0fa, "f32x4.", "convert_i32x4_s"],
  [0xfd105, "f32x4.", "relaxed_madd relaxed_nmadd"],
  [0xfd107, "f64x2.", "relaxed_madd relaxed_nmadd"],
] as const;

const MEM_ROWS = [
  [0x28, "", "i32.load i64.load f32.load f64.load"],
  [0x2c, "i32.", "load8_s load8_u load16_s"],
  [0x30, "i64.", "load8_s load8_u load16_s"],
  [0x36, "", "i32.store i64.store f32.store f64.store"],
  [0x3a, "i32.", "store8 store16"],
  [0x3c, "i64.", "store8 store16"],
  [0xfd000, "v128.", "load"],
  [0xfd007, "v128.", "load8_splat load16_splat load32_splat load64_splat store"],
  [
    0xfd054,
    "v128.",
    "load8_lane load16_lane load32_lane load64_lane store8_lane store16_lane store32_lane store64_lane load32_zero load64_zero",
  ],
] as const;

const LANE_ROWS = [
  [0xfd017, "i8x16.", "replace_lane"],
  [0xfd01a, "i16x8.", "replace_lane"],
  [0xfd01b, "i32x4.", "extract_lane replace_lane"],
  [0xfd01d, "i64x2.", "extract_lane replace_lane"],
  [0xfd01f, "f32x4.", "extract_lane replace_lane"],
  [0xfd021, "f64x2.", "extract_lane replace_lane"],
] as const;

/** Name of an instruction without immediates, for example `"f32x4.add"`. */
export type OpName = NamesOf<typeof OP_ROWS>;
/** Name of a load or store, for example `"v128.load32_splat"`. */
export type MemName = NamesOf<typeof MEM_ROWS>;
/** Name of an instruction with a lane number, for example `"f32x4.extract_lane"`. */
export type LaneName = NamesOf<typeof LANE_ROWS>;

/** Instructions without immediates: everything happens on the stack. */
export const OPS: { readonly [N in OpName]: number } = table(OP_ROWS);
/** Loads and stores. Those that end in `_lane` also take a lane. */
export const MEM: { readonly [N in MemName]: number } = table(MEM_ROWS);
/** Instructions whose only immediate is a lane number. */
export const LANE: { readonly [N in LaneName]: number } = table(LANE_ROWS);

/** Log2 of the natural alignment of a load or store, 2 at most. */
export function alignmentOf(name: MemName): number {
  const bits = /(?:load|store)(8|16)(?:_|$)/.exec(name)?.[1];
  return bits === "8" ? 0 : bits === "16" ? 1 : 2;
}
