import * as simple from "../../reference/gru.js";
import * as long from "../../reference/lstm.js";
import { gru, gruGrad } from "../fused/gru.js";
import { lstm, lstmGrad } from "../fused/lstm.js";
import { rnn, rnnGrad } from "../fused/rnn.js";
import { filling, type KernelTable } from "./table.js";

/**
 * The steps of recurrent layers (LSTM, GRU, RNN) in one pass. Without them compositions run, which give the same numbers in more time.
 * @example
 * import { cpuBackend, dense, recurrence } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense, recurrence]));
 */
export const recurrence: Pick<KernelTable, "lstm" | "lstmGrad" | "gru" | "gruGrad" | "rnn" | "rnnGrad"> = {
  lstm: filling(lstm, long.lstm),
  lstmGrad: filling(lstmGrad, long.lstmGrad),
  gru: filling(gru, simple.gru),
  gruGrad: filling(gruGrad, simple.gruGrad),
  rnn: filling(rnn, simple.rnn),
  rnnGrad: filling(rnnGrad, simple.rnnGrad),
};
