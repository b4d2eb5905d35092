import { type Shape, Tensor, ValueError } from "@sconce/core";
import { broadcastAll, clampProbs, type Param } from "./numbers.js";

/** Probabilities, or the logarithms of odds that `logits` names. */
export type Odds<P = Param> = P | { readonly probs: P; readonly logits?: null } | { readonly logits: P; readonly probs?: null };

/** Which of the two were given, and what. */
export function splitOdds<P extends Param>(odds: Odds<P>): { readonly given: "probs" | "logits"; readonly value: P } {
  if (typeof odds === "number" || odds instanceof Tensor) return { given: "probs", value: odds };
  const { probs, logits } = odds as { probs?: P | null; logits?: P | null };
  if ((probs == null) === (logits == null)) throw new ValueError("Either `probs` or `logits` must be specified, but not both.");
  return probs == null ? { given: "logits", value: logits as P } : { given: "probs", value: probs };
}

/** Odds of two outcomes: what was given, and the other computed when it is asked for. */
export class BinaryOdds {
  readonly given: "probs" | "logits";
  /** What was given. */
  readonly param: Tensor;
  #other: Tensor | undefined;

  constructor(given: "probs" | "logits", param: Tensor) {
    this.given = given;
    this.param = param;
  }

  static of(odds: Odds): BinaryOdds {
    const { given, value } = splitOdds(odds);
    return new BinaryOdds(given, broadcastAll(value)[0]);
  }

  get probs(): Tensor {
    return this.given === "probs" ? this.param : (this.#other ??= this.param.sigmoid());
  }

  get logits(): Tensor {
    return this.given === "logits" ? this.param : (this.#other ??= this.#logOdds());
  }

  #logOdds(): Tensor {
    const p = clampProbs(this.param);
    return p.log().sub(p.neg().log1p());
  }

  expand(shape: Shape): Odds {
    const value = this.param.expand([...shape]);
    return this.given === "probs" ? { probs: value } : { logits: value };
  }
}
