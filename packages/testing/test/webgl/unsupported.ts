/** Golden keys with cases that WebGL refuses: why, and the error that says so. No case of them may be wrong in another way. */
export interface Unsupported {
  readonly reason: string;
  readonly keys: readonly string[];
  readonly error: RegExp;
}

const NO_DTYPE = /^[^:]+: DTypeError: .* device "webgl" has no (float64|int64|int8|int16|float16|bfloat16)/;

/** What WebGL2 cannot hold: float textures have no other dtypes, and integers only up to 2^24. */
export const UNSUPPORTED: readonly Unsupported[] = [
  {
    reason: "results beyond 2^24",
    keys: ["ops/pow", "ops/__rpow__", "in_place/pow", "ops/scatter_reduce/amin", "in_place/scatter_reduce/amin", "special_values/int"],
    error: /^[^:]+: NotSupportedError: read: expected int32 values from -16777216 to 16777216/,
  },
  {
    reason: "float64 and int64",
    keys: [
      "ops/double",
      "ops/long",
      "ops/float_power",
      "special_values/double",
      "special_values/long",
      "special_values/float_power",
      "ops/softmax/with_dtype",
      "ops/log_softmax/dtype",
      "ops/nn.functional.softmin/with_dtype",
      "ops/to",
    ],
    error: NO_DTYPE,
  },
  {
    reason: "8 and 16 bits",
    keys: [
      "ops/char",
      "ops/short",
      "ops/half",
      "ops/bfloat16",
      "special_values/char",
      "special_values/short",
      "special_values/half",
      "special_values/bfloat16",
    ],
    error: NO_DTYPE,
  },
];
