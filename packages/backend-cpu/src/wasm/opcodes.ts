/**
 * WebAssembly opcodes by their name in the text format. A number above 0xfff is a prefix byte and a code: 0xfd105 is `fd` followed by 0x105.
 *
 * @module
 */

/** Instructions without immediates: everything happens on the stack. */
// biome-ignore format: a dense table reads better than one name a line
export const OPS = {
  unreachable: 0x0, return: 0xf, drop: 0x1a, select: 0x1b, "i32.eqz": 0x45, "i32.eq": 0x46, "i32.ne": 0x47, "i32.lt_s": 0x48,
  "i32.lt_u": 0x49, "i32.gt_s": 0x4a, "i32.gt_u": 0x4b, "i32.le_s": 0x4c, "i32.le_u": 0x4d, "i32.ge_s": 0x4e, "i32.ge_u": 0x4f,
  "i64.eqz": 0x50, "i64.eq": 0x51, "i64.ne": 0x52, "i64.lt_s": 0x53, "i64.lt_u": 0x54, "i64.gt_s": 0x55, "i64.gt_u": 0x56,
  "i64.le_s": 0x57, "i64.le_u": 0x58, "i64.ge_s": 0x59, "i64.ge_u": 0x5a, "f32.eq": 0x5b, "f32.ne": 0x5c, "f32.lt": 0x5d, "f32.gt": 0x5e,
  "f32.le": 0x5f, "f32.ge": 0x60, "f64.eq": 0x61, "f64.ne": 0x62, "f64.lt": 0x63, "f64.gt": 0x64, "f64.le": 0x65, "f64.ge": 0x66,
  "i32.clz": 0x67, "i32.ctz": 0x68, "i32.popcnt": 0x69, "i32.add": 0x6a, "i32.sub": 0x6b, "i32.mul": 0x6c, "i32.div_s": 0x6d,
  "i32.div_u": 0x6e, "i32.rem_s": 0x6f, "i32.rem_u": 0x70, "i32.and": 0x71, "i32.or": 0x72, "i32.xor": 0x73, "i32.shl": 0x74,
  "i32.shr_s": 0x75, "i32.shr_u": 0x76, "i32.rotl": 0x77, "i32.rotr": 0x78, "i64.clz": 0x79, "i64.ctz": 0x7a, "i64.popcnt": 0x7b,
  "i64.add": 0x7c, "i64.sub": 0x7d, "i64.mul": 0x7e, "i64.div_s": 0x7f, "i64.div_u": 0x80, "i64.rem_s": 0x81, "i64.rem_u": 0x82,
  "i64.and": 0x83, "i64.or": 0x84, "i64.xor": 0x85, "i64.shl": 0x86, "i64.shr_s": 0x87, "i64.shr_u": 0x88, "i64.rotl": 0x89,
  "i64.rotr": 0x8a, "f32.abs": 0x8b, "f32.neg": 0x8c, "f32.ceil": 0x8d, "f32.floor": 0x8e, "f32.trunc": 0x8f, "f32.nearest": 0x90,
  "f32.sqrt": 0x91, "f32.add": 0x92, "f32.sub": 0x93, "f32.mul": 0x94, "f32.div": 0x95, "f32.min": 0x96, "f32.max": 0x97,
  "f32.copysign": 0x98, "f64.abs": 0x99, "f64.neg": 0x9a, "f64.ceil": 0x9b, "f64.floor": 0x9c, "f64.trunc": 0x9d, "f64.nearest": 0x9e,
  "f64.sqrt": 0x9f, "f64.add": 0xa0, "f64.sub": 0xa1, "f64.mul": 0xa2, "f64.div": 0xa3, "f64.min": 0xa4, "f64.max": 0xa5,
  "f64.copysign": 0xa6, "i32.wrap_i64": 0xa7, "i32.trunc_f32_s": 0xa8, "i32.trunc_f32_u": 0xa9, "i32.trunc_f64_s": 0xaa,
  "i32.trunc_f64_u": 0xab, "i64.extend_i32_s": 0xac, "i64.extend_i32_u": 0xad, "i64.trunc_f32_s": 0xae, "i64.trunc_f32_u": 0xaf,
  "i64.trunc_f64_s": 0xb0, "i64.trunc_f64_u": 0xb1, "f32.convert_i32_s": 0xb2, "f32.convert_i32_u": 0xb3, "f32.convert_i64_s": 0xb4,
  "f32.convert_i64_u": 0xb5, "f32.demote_f64": 0xb6, "f64.convert_i32_s": 0xb7, "f64.convert_i32_u": 0xb8, "f64.convert_i64_s": 0xb9,
  "f64.convert_i64_u": 0xba, "f64.promote_f32": 0xbb, "i32.reinterpret_f32": 0xbc, "i64.reinterpret_f64": 0xbd,
  "f32.reinterpret_i32": 0xbe, "f64.reinterpret_i64": 0xbf, "i32.extend8_s": 0xc0, "i32.extend16_s": 0xc1, "i64.extend8_s": 0xc2,
  "i64.extend16_s": 0xc3, "i64.extend32_s": 0xc4, "i32.trunc_sat_f32_s": 0xfc000, "i32.trunc_sat_f32_u": 0xfc001,
  "i32.trunc_sat_f64_s": 0xfc002, "i32.trunc_sat_f64_u": 0xfc003, "i64.trunc_sat_f32_s": 0xfc004, "i64.trunc_sat_f32_u": 0xfc005,
  "i64.trunc_sat_f64_s": 0xfc006, "i64.trunc_sat_f64_u": 0xfc007,
  "i8x16.swizzle": 0xfd00e, "i8x16.splat": 0xfd00f, "i16x8.splat": 0xfd010, "i32x4.splat": 0xfd011, "i64x2.splat": 0xfd012,
  "f32x4.splat": 0xfd013, "f64x2.splat": 0xfd014, "i8x16.eq": 0xfd023, "i8x16.ne": 0xfd024, "i8x16.lt_s": 0xfd025, "i8x16.lt_u": 0xfd026,
  "i8x16.gt_s": 0xfd027, "i8x16.gt_u": 0xfd028, "i8x16.le_s": 0xfd029, "i8x16.le_u": 0xfd02a, "i8x16.ge_s": 0xfd02b, "i8x16.ge_u": 0xfd02c,
  "i16x8.eq": 0xfd02d, "i16x8.ne": 0xfd02e, "i16x8.lt_s": 0xfd02f, "i16x8.lt_u": 0xfd030, "i16x8.gt_s": 0xfd031, "i16x8.gt_u": 0xfd032,
  "i16x8.le_s": 0xfd033, "i16x8.le_u": 0xfd034, "i16x8.ge_s": 0xfd035, "i16x8.ge_u": 0xfd036, "i32x4.eq": 0xfd037, "i32x4.ne": 0xfd038,
  "i32x4.lt_s": 0xfd039, "i32x4.lt_u": 0xfd03a, "i32x4.gt_s": 0xfd03b, "i32x4.gt_u": 0xfd03c, "i32x4.le_s": 0xfd03d, "i32x4.le_u": 0xfd03e,
  "i32x4.ge_s": 0xfd03f, "i32x4.ge_u": 0xfd040, "f32x4.eq": 0xfd041, "f32x4.ne": 0xfd042, "f32x4.lt": 0xfd043, "f32x4.gt": 0xfd044,
  "f32x4.le": 0xfd045, "f32x4.ge": 0xfd046, "f64x2.eq": 0xfd047, "f64x2.ne": 0xfd048, "f64x2.lt": 0xfd049, "f64x2.gt": 0xfd04a,
  "f64x2.le": 0xfd04b, "f64x2.ge": 0xfd04c, "v128.not": 0xfd04d, "v128.and": 0xfd04e, "v128.andnot": 0xfd04f, "v128.or": 0xfd050,
  "v128.xor": 0xfd051, "v128.bitselect": 0xfd052, "v128.any_true": 0xfd053, "f32x4.demote_f64x2_zero": 0xfd05e,
  "f64x2.promote_low_f32x4": 0xfd05f, "i8x16.abs": 0xfd060, "i8x16.neg": 0xfd061, "i8x16.popcnt": 0xfd062, "i8x16.all_true": 0xfd063,
  "i8x16.bitmask": 0xfd064, "i8x16.narrow_i16x8_s": 0xfd065, "i8x16.narrow_i16x8_u": 0xfd066, "f32x4.ceil": 0xfd067,
  "f32x4.floor": 0xfd068, "f32x4.trunc": 0xfd069, "f32x4.nearest": 0xfd06a, "i8x16.shl": 0xfd06b, "i8x16.shr_s": 0xfd06c,
  "i8x16.shr_u": 0xfd06d, "i8x16.add": 0xfd06e, "i8x16.add_sat_s": 0xfd06f, "i8x16.add_sat_u": 0xfd070, "i8x16.sub": 0xfd071,
  "i8x16.sub_sat_s": 0xfd072, "i8x16.sub_sat_u": 0xfd073, "f64x2.ceil": 0xfd074, "f64x2.floor": 0xfd075, "i8x16.min_s": 0xfd076,
  "i8x16.min_u": 0xfd077, "i8x16.max_s": 0xfd078, "i8x16.max_u": 0xfd079, "f64x2.trunc": 0xfd07a, "i16x8.abs": 0xfd080,
  "i16x8.neg": 0xfd081, "i16x8.all_true": 0xfd083, "i16x8.bitmask": 0xfd084, "i16x8.narrow_i32x4_s": 0xfd085,
  "i16x8.narrow_i32x4_u": 0xfd086, "i16x8.extend_low_i8x16_s": 0xfd087, "i16x8.extend_high_i8x16_s": 0xfd088,
  "i16x8.extend_low_i8x16_u": 0xfd089, "i16x8.extend_high_i8x16_u": 0xfd08a, "i16x8.shl": 0xfd08b, "i16x8.shr_s": 0xfd08c,
  "i16x8.shr_u": 0xfd08d, "i16x8.add": 0xfd08e, "i16x8.sub": 0xfd091, "f64x2.nearest": 0xfd094, "i16x8.mul": 0xfd095,
  "i16x8.min_s": 0xfd096, "i16x8.min_u": 0xfd097, "i16x8.max_s": 0xfd098, "i16x8.max_u": 0xfd099, "i32x4.abs": 0xfd0a0,
  "i32x4.neg": 0xfd0a1, "i32x4.all_true": 0xfd0a3, "i32x4.bitmask": 0xfd0a4, "i32x4.extend_low_i16x8_s": 0xfd0a7,
  "i32x4.extend_high_i16x8_s": 0xfd0a8, "i32x4.extend_low_i16x8_u": 0xfd0a9, "i32x4.extend_high_i16x8_u": 0xfd0aa, "i32x4.shl": 0xfd0ab,
  "i32x4.shr_s": 0xfd0ac, "i32x4.shr_u": 0xfd0ad, "i32x4.add": 0xfd0ae, "i32x4.sub": 0xfd0b1, "i32x4.mul": 0xfd0b5, "i32x4.min_s": 0xfd0b6,
  "i32x4.min_u": 0xfd0b7, "i32x4.max_s": 0xfd0b8, "i32x4.max_u": 0xfd0b9, "i32x4.dot_i16x8_s": 0xfd0ba, "i64x2.abs": 0xfd0c0,
  "i64x2.extmul_low_i32x4_u": 0xfd0de, "i64x2.extmul_high_i32x4_u": 0xfd0df,
  "i64x2.neg": 0xfd0c1, "i64x2.all_true": 0xfd0c3, "i64x2.bitmask": 0xfd0c4, "i64x2.extend_low_i32x4_s": 0xfd0c7,
  "i64x2.extend_high_i32x4_s": 0xfd0c8, "i64x2.extend_low_i32x4_u": 0xfd0c9, "i64x2.extend_high_i32x4_u": 0xfd0ca, "i64x2.shl": 0xfd0cb,
  "i64x2.shr_s": 0xfd0cc, "i64x2.shr_u": 0xfd0cd, "i64x2.add": 0xfd0ce, "i64x2.sub": 0xfd0d1, "i64x2.mul": 0xfd0d5, "i64x2.eq": 0xfd0d6,
  "i64x2.ne": 0xfd0d7, "i64x2.lt_s": 0xfd0d8, "i64x2.gt_s": 0xfd0d9, "i64x2.le_s": 0xfd0da, "i64x2.ge_s": 0xfd0db, "f32x4.abs": 0xfd0e0,
  "f32x4.neg": 0xfd0e1, "f32x4.sqrt": 0xfd0e3, "f32x4.add": 0xfd0e4, "f32x4.sub": 0xfd0e5, "f32x4.mul": 0xfd0e6, "f32x4.div": 0xfd0e7,
  "f32x4.min": 0xfd0e8, "f32x4.max": 0xfd0e9, "f32x4.pmin": 0xfd0ea, "f32x4.pmax": 0xfd0eb, "f64x2.abs": 0xfd0ec, "f64x2.neg": 0xfd0ed,
  "f64x2.sqrt": 0xfd0ef, "f64x2.add": 0xfd0f0, "f64x2.sub": 0xfd0f1, "f64x2.mul": 0xfd0f2, "f64x2.div": 0xfd0f3, "f64x2.min": 0xfd0f4,
  "f64x2.max": 0xfd0f5, "f64x2.pmin": 0xfd0f6, "f64x2.pmax": 0xfd0f7, "i32x4.trunc_sat_f32x4_s": 0xfd0f8,
  "i32x4.trunc_sat_f32x4_u": 0xfd0f9, "f32x4.convert_i32x4_s": 0xfd0fa, "f32x4.convert_i32x4_u": 0xfd0fb,
  "i32x4.trunc_sat_f64x2_s_zero": 0xfd0fc, "i32x4.trunc_sat_f64x2_u_zero": 0xfd0fd, "f64x2.convert_low_i32x4_s": 0xfd0fe,
  "f64x2.convert_low_i32x4_u": 0xfd0ff, "f32x4.relaxed_madd": 0xfd105, "f32x4.relaxed_nmadd": 0xfd106, "f64x2.relaxed_madd": 0xfd107,
  "f64x2.relaxed_nmadd": 0xfd108, "i32x4.relaxed_laneselect": 0xfd10b, "i64x2.relaxed_laneselect": 0xfd10c,
} as const;

/** Loads and stores: opcode and log2 of the natural alignment. Those that end in `_lane` also take a lane. */
// biome-ignore format: a dense table reads better than one name a line
export const MEM = {
  "i32.load": [0x28, 2], "i64.load": [0x29, 3], "f32.load": [0x2a, 2], "f64.load": [0x2b, 3], "i32.load8_s": [0x2c, 0],
  "i32.load8_u": [0x2d, 0], "i32.load16_s": [0x2e, 1], "i32.load16_u": [0x2f, 1], "i64.load8_s": [0x30, 0], "i64.load8_u": [0x31, 0],
  "i64.load16_s": [0x32, 1], "i64.load16_u": [0x33, 1], "i64.load32_s": [0x34, 2], "i64.load32_u": [0x35, 2], "i32.store": [0x36, 2],
  "i64.store": [0x37, 3], "f32.store": [0x38, 2], "f64.store": [0x39, 3], "i32.store8": [0x3a, 0], "i32.store16": [0x3b, 1],
  "i64.store8": [0x3c, 0], "i64.store16": [0x3d, 1], "i64.store32": [0x3e, 2], "v128.load": [0xfd000, 4], "v128.load8x8_s": [0xfd001, 3],
  "v128.load8x8_u": [0xfd002, 3], "v128.load16x4_s": [0xfd003, 3], "v128.load16x4_u": [0xfd004, 3], "v128.load32x2_s": [0xfd005, 3],
  "v128.load32x2_u": [0xfd006, 3], "v128.load8_splat": [0xfd007, 0], "v128.load16_splat": [0xfd008, 1], "v128.load32_splat": [0xfd009, 2],
  "v128.load64_splat": [0xfd00a, 3], "v128.store": [0xfd00b, 4], "v128.load32_zero": [0xfd05c, 2], "v128.load64_zero": [0xfd05d, 3],
  "v128.load8_lane": [0xfd054, 0], "v128.load16_lane": [0xfd055, 1], "v128.load32_lane": [0xfd056, 2], "v128.load64_lane": [0xfd057, 3],
  "v128.store8_lane": [0xfd058, 0], "v128.store16_lane": [0xfd059, 1], "v128.store32_lane": [0xfd05a, 2],
  "v128.store64_lane": [0xfd05b, 3],
} as const;

/** Instructions whose only immediate is a lane number. */
// biome-ignore format: a dense table reads better than one name a line
export const LANE = {
  "i8x16.extract_lane_s": 0xfd015, "i8x16.extract_lane_u": 0xfd016, "i8x16.replace_lane": 0xfd017, "i16x8.extract_lane_s": 0xfd018,
  "i16x8.extract_lane_u": 0xfd019, "i16x8.replace_lane": 0xfd01a, "i32x4.extract_lane": 0xfd01b, "i32x4.replace_lane": 0xfd01c,
  "i64x2.extract_lane": 0xfd01d, "i64x2.replace_lane": 0xfd01e, "f32x4.extract_lane": 0xfd01f, "f32x4.replace_lane": 0xfd020,
  "f64x2.extract_lane": 0xfd021, "f64x2.replace_lane": 0xfd022,
} as const;

/** Name of an instruction without immediates, for example `"f32x4.add"`. */
export type OpName = keyof typeof OPS;
/** Name of a load or store, for example `"v128.load32_splat"`. */
export type MemName = keyof typeof MEM;
/** Name of an instruction with a lane number, for example `"f32x4.extract_lane"`. */
export type LaneName = keyof typeof LANE;
