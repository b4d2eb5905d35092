import type { Tensor } from "@sconce/core";
import { type CtcLossOptions, ctcLoss, type Lengths } from "../functional/ctc.js";
import { Loss } from "./common.js";

/**
 * Connectionist temporal classification: `[T, N, C]` logarithms against targets `[N, L]` of given lengths.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html
 * @throws ShapeError or ValueError if lengths or classes do not fit.
 * @example
 * const criterion = new nn.CTCLoss({ zeroInfinity: true });
 * criterion(randn([50, 2, 20]).logSoftmax(2), randint(1, 20, [2, 10]), [50, 50], [10, 8]); // []
 */
export class CTCLoss extends Loss {
  declare readonly blank: number;
  declare readonly zeroInfinity: boolean;

  constructor(options: CtcLossOptions = {}) {
    super(options, { blank: 0, zeroInfinity: false });
  }

  override forward(logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this);
  }
}
