/**
 * Long short-term memory over a packed batch: each step is a matrix product and one kernel for the cells, forward and backward.
 *
 * @module
 */
import { Source } from "../wgsl/source.js";
import { type Kernel, WORKGROUP, wholeView } from "./kernel.js";
import { elementText, runSteps, runStepsBack, startUnits, stateFrom, sumsFrom } from "./recurrent.js";

const GATES = ["i", "f", "g", "o"];

/** Acts on the gates of one step, each invocation for one unit of one sequence, and moves the states on. */
function printCell(): Source {
  const source = new Source(WORKGROUP);
  const sums = source.read("f32");
  const [output, h, c, activated, hiddens, cells] = Array.from({ length: 6 }, () => source.write("f32"));
  const size = startUnits(source);
  source.add(`let own = (index / ${size}) * 4 * ${size} + j;`, `let kept = row * 4 * ${size} + j;`);
  GATES.forEach((name, k) => {
    source.add(`let ${name} = ${name === "g" ? "sc_tanh" : "sc_sigmoid"}(${sums}[own + ${k} * ${size}]);`);
    source.add(`${activated}[kept + ${k} * ${size}] = ${name};`);
  });
  source.add(`let before = ${c}[index];`, `${hiddens}[at] = ${h}[index];`, `${cells}[at] = before;`);
  source.add("let cell = f * before + i * g;", "let y = o * sc_tanh(cell);");
  source.add(`${c}[index] = cell;`, `${h}[index] = y;`, `${output}[at] = y;`);
  return source;
}

export const lstm: Kernel<"lstm"> = (machine, [gates, h0, c0, w], outputs, attrs) => {
  const [sequences, size] = h0.shape;
  const [h, c] = [stateFrom(machine, h0, outputs[1]), stateFrom(machine, c0, outputs[2])];
  const [output, activated, hiddens, cells] = [outputs[0], ...outputs.slice(3)].map((spec) => machine.alloc(spec));
  const sums = machine.alloc({ shape: [sequences, 4 * size] });
  const blocks = [sums, output, h, c, activated, hiddens, cells];
  runSteps(machine, size, attrs, sumsFrom(machine, gates, h, w, sums), { name: "lstm", print: printCell, matrices: [], blocks });
  machine.free(sums);
  return [output, h, c, activated, hiddens, cells];
};

/** The gradients of one step's gates, and of the cell states before it. */
function printCellGrad(): Source {
  const source = new Source(WORKGROUP);
  const reads = Array.from({ length: 3 }, () => source.read("f32"));
  const [gates, h, c] = Array.from({ length: 3 }, () => source.write("f32"));
  const size = startUnits(source);
  const [dOutput, activated, cells] = reads.map((name) => elementText(source, name));
  GATES.forEach((name, k) => void source.add(`let ${name} = ${activated(`${k} * ${size} + j`)};`));
  source.add(`let before = ${cells("j")};`, "let t = sc_tanh(f * before + i * g);");
  source.add(`let dh = ${h}[index] + ${dOutput("j")};`, `let dc = ${c}[index] + dh * o * (1.0 - t * t);`);
  const slopes = ["dc * g * i * (1.0 - i)", "dc * before * f * (1.0 - f)", "dc * i * (1.0 - g * g)", "dh * t * o * (1.0 - o)"];
  slopes.forEach((slope, k) => void source.add(`${gates}[row * 4 * ${size} + ${k} * ${size} + j] = ${slope};`));
  source.add(`${c}[index] = dc * f;`);
  return source;
}

export const lstmGrad: Kernel<"lstmGrad"> = (machine, [dOutput, dH, dC, activated, cells, w], outputs, attrs) => {
  const gates = machine.alloc(outputs[0]);
  const [h, c] = [stateFrom(machine, dH, outputs[1]), stateFrom(machine, dC, outputs[2])];
  const matrices = [dOutput, activated, cells];
  const blocks = [...matrices.map(({ block }) => block), gates, h, c];
  runStepsBack(machine, attrs, { name: "lstmGrad", print: printCellGrad, matrices, blocks }, wholeView(gates, outputs[0]), w, h);
  return [gates, h, c];
};
