/**
 * Gated recurrent units, and recurrent layers without gates, over a packed batch: each step is a matrix product and one kernel.
 *
 * @module
 */
import { Source } from "../wgsl/source.js";
import { type Kernel, WORKGROUP, wholeView } from "./kernel.js";
import { multiply } from "./matmul.js";
import { elementText, matrix, runSteps, runStepsBack, type Step, startUnits, stateFrom, sumsFrom, turned } from "./recurrent.js";

/** The work of a unit of gated recurrent units: two gates, what the state gives to the new one, and the new one. */
const WORK = ["reset", "update", "given", "fresh"];

function printGru(): Source {
  const source = new Source(WORKGROUP);
  const [own, gates] = [source.read("f32"), source.read("f32")];
  const [output, h, work, hidden] = Array.from({ length: 4 }, () => source.write("f32"));
  const size = startUnits(source);
  const gate = elementText(source, gates);
  source.add(`let near = (index / ${size}) * 3 * ${size} + j;`, `let given = ${own}[near + 2 * ${size}];`);
  source.add(`let reset = sc_sigmoid(${gate("j")} + ${own}[near]);`);
  source.add(`let update = sc_sigmoid(${gate(`${size} + j`)} + ${own}[near + ${size}]);`);
  source.add(`let fresh = sc_tanh(${gate(`2 * ${size} + j`)} + reset * given);`);
  WORK.forEach((name, k) => void source.add(`${work}[row * 4 * ${size} + ${k} * ${size} + j] = ${name};`));
  source.add(`let before = ${h}[index];`, "let y = fresh + update * (before - fresh);");
  source.add(`${hidden}[at] = before;`, `${h}[index] = y;`, `${output}[at] = y;`);
  return source;
}

export const gru: Kernel<"gru"> = (machine, [gates, h0, w, bias], outputs, attrs) => {
  const [sequences, size] = h0.shape;
  const h = stateFrom(machine, h0, outputs[1]);
  const [output, work, hidden] = [outputs[0], ...outputs.slice(2)].map((spec) => machine.alloc(spec));
  const own = machine.alloc({ shape: [sequences, 3 * size] });
  const product = ({ count }: Step): void => {
    const given = bias === undefined ? [] : [{ ...bias, shape: [count, 3 * size], strides: [0, bias.strides[0]] }];
    multiply(machine, [matrix(h, count, size), turned(w), ...given], matrix(own, count, 3 * size));
  };
  const blocks = [own, gates.block, output, h, work, hidden];
  runSteps(machine, size, attrs, product, { name: "gru", print: printGru, matrices: [gates], blocks });
  machine.free(own);
  return [output, h, work, hidden];
};

function printGruGrad(): Source {
  const source = new Source(WORKGROUP);
  const reads = Array.from({ length: 3 }, () => source.read("f32"));
  const [gates, through, h] = Array.from({ length: 3 }, () => source.write("f32"));
  const size = startUnits(source);
  const [dOutput, work, hidden] = reads.map((name) => elementText(source, name));
  WORK.forEach((name, k) => void source.add(`let ${name} = ${work(`${k} * ${size} + j`)};`));
  source.add(`let dh = ${h}[index] + ${dOutput("j")};`);
  source.add(`let d_update = dh * (${hidden("j")} - fresh) * update * (1.0 - update);`);
  source.add("let d_fresh = dh * (1.0 - update) * (1.0 - fresh * fresh);", "let d_reset = d_fresh * given * reset * (1.0 - reset);");
  for (const [target, last] of [
    [gates, "d_fresh"],
    [through, "d_fresh * reset"],
  ]) {
    for (const [k, slope] of ["d_reset", "d_update", last].entries()) {
      source.add(`${target}[row * 3 * ${size} + ${k} * ${size} + j] = ${slope};`);
    }
  }
  source.add(`${h}[index] = dh * update;`);
  return source;
}

export const gruGrad: Kernel<"gruGrad"> = (machine, [dOutput, dH, work, hidden, w], outputs, attrs) => {
  const [gates, through] = outputs.slice(0, 2).map((spec) => machine.alloc(spec));
  const h = stateFrom(machine, dH, outputs[2]);
  const matrices = [dOutput, work, hidden];
  const blocks = [...matrices.map(({ block }) => block), gates, through, h];
  runStepsBack(machine, attrs, { name: "gruGrad", print: printGruGrad, matrices, blocks }, wholeView(through, outputs[1]), w, h, true);
  return [gates, through, h];
};

function printRnn(relu: boolean): Source {
  const source = new Source(WORKGROUP);
  const sums = source.read("f32");
  const [output, h, hidden] = Array.from({ length: 3 }, () => source.write("f32"));
  startUnits(source);
  source.add(`let y = ${relu ? `sc_max(${sums}[index], 0.0)` : `sc_tanh(${sums}[index])`};`);
  source.add(`${hidden}[at] = ${h}[index];`, `${h}[index] = y;`, `${output}[at] = y;`);
  return source;
}

export const rnn: Kernel<"rnn"> = (machine, [gates, h0, w], outputs, attrs) => {
  const [, size] = h0.shape;
  const h = stateFrom(machine, h0, outputs[1]);
  const [output, hidden] = [outputs[0], outputs[2]].map((spec) => machine.alloc(spec));
  const sums = machine.alloc(h0);
  const kernel = { name: `rnn ${attrs.relu}`, print: () => printRnn(attrs.relu), matrices: [], blocks: [sums, output, h, hidden] };
  runSteps(machine, size, attrs, sumsFrom(machine, gates, h, w, sums), kernel);
  machine.free(sums);
  return [output, h, hidden];
};

function printRnnGrad(relu: boolean): Source {
  const source = new Source(WORKGROUP);
  const reads = [source.read("f32"), source.read("f32")];
  const [gates, h] = [source.write("f32"), source.write("f32")];
  startUnits(source);
  const [dOutput, output] = reads.map((name) => elementText(source, name));
  source.add(`let y = ${output("j")};`, `let slope = ${relu ? "select(0.0, 1.0, y > 0.0)" : "1.0 - y * y"};`);
  source.add(`${gates}[at] = (${h}[index] + ${dOutput("j")}) * slope;`);
  return source;
}

export const rnnGrad: Kernel<"rnnGrad"> = (machine, [dOutput, dH, output, w], outputs, attrs) => {
  const gates = machine.alloc(outputs[0]);
  const h = stateFrom(machine, dH, outputs[1]);
  const blocks = [dOutput.block, output.block, gates, h];
  const kernel = { name: `rnnGrad ${attrs.relu}`, print: () => printRnnGrad(attrs.relu), matrices: [dOutput, output], blocks };
  runStepsBack(machine, attrs, kernel, wholeView(gates, outputs[0]), w, h);
  return [gates, h];
};
