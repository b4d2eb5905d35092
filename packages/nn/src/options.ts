/**
 * Settings of which the commonest may stand alone: `0.2` for `{ p: 0.2 }`, with the others after it.
 * @example
 * withOption<DropoutOptions>("p", 0.2, { training: false }); // { p: 0.2, training: false }
 */
export function withOption<O extends object>(key: keyof O & string, first: O | O[keyof O] | undefined, others?: Partial<O>): O {
  // A module, which is a function, holds its own settings.
  if ((typeof first === "object" && first !== null) || typeof first === "function") return first as O;
  return { ...others, [key]: first } as O;
}
