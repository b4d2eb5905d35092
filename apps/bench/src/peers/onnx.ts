/** ONNX models of the cases that ONNX Runtime takes part in, written in the wire format of protocol buffers. */
import type { ArrayData, Arrays, Case, ChainWork, InferWork, MatmulWork } from "../work.js";
import { byKind, type Kinds, Unsupported } from "./runner.js";

/** A message, field by field. */
class Message {
  private readonly parts: Uint8Array[] = [];

  /** A whole number of at least 0. */
  int(field: number, value: number): this {
    return this.varint(field << 3).varint(value);
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint((field << 3) | 2).varint(value.length);
    this.parts.push(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.parts.reduce((size, { length }) => size + length, 0));
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private varint(value: number): this {
    const bytes: number[] = [];
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
    this.parts.push(Uint8Array.of(...bytes, value));
    return this;
  }
}

const FLOAT = 1;
const OPSET = 17;
const IR_VERSION = 8;
/** Kinds of attributes. */
const INT = 2;
const INTS = 7;

/** A graph in the making: every node names its only output. */
class Graph {
  private readonly graph = new Message().text(2, "bench");
  private count = 0;

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, number | readonly number[]>> = {}): string {
    const output = `v${this.count++}`;
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, output).text(4, op);
    for (const [name, value] of Object.entries(attributes)) {
      const attribute = new Message().text(1, name);
      if (typeof value === "number") attribute.int(3, value).int(20, INT);
      else {
        for (const item of value) attribute.int(8, item);
        attribute.int(20, INTS);
      }
      node.message(5, attribute);
    }
    this.graph.message(1, node);
    return output;
  }

  constants(arrays: Arrays): void {
    for (const [name, { shape, data }] of Object.entries(arrays)) {
      const tensor = new Message();
      for (const size of shape) tensor.int(1, size);
      tensor
        .int(2, FLOAT)
        .text(8, name)
        .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      this.graph.message(5, tensor);
    }
  }

  inputs(arrays: Arrays): void {
    for (const [name, { shape }] of Object.entries(arrays)) this.graph.message(11, valueInfo(name, shape));
  }

  model(output: string): Uint8Array {
    this.graph.message(12, valueInfo(output));
    const opset = new Message().text(1, "").int(2, OPSET);
    return new Message().int(1, IR_VERSION).message(7, this.graph).message(8, opset).finish();
  }
}

function valueInfo(name: string, shape?: readonly number[]): Message {
  const tensor = new Message().int(1, FLOAT);
  if (shape !== undefined) {
    const dims = new Message();
    for (const size of shape) dims.message(1, new Message().int(1, size));
    tensor.message(2, dims);
  }
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** A model with the arrays that it takes; its only output has the name `output`. */
export interface OnnxModel {
  readonly bytes: Uint8Array;
  readonly feeds: Readonly<Record<string, ArrayData>>;
  readonly output: string;
}

function finish(graph: Graph, feeds: Arrays, output: string): OnnxModel {
  graph.inputs(feeds);
  return { bytes: graph.model(output), feeds, output };
}

function matmul({ layout }: MatmulWork, feeds: Arrays): OnnxModel {
  const graph = new Graph();
  const transposed = { transA: Number(layout === "tn"), transB: Number(layout === "nt") };
  return finish(graph, feeds, layout === "nn" ? graph.node("MatMul", ["a", "b"]) : graph.node("Gemm", ["a", "b"], transposed));
}

function chain({ sum }: ChainWork, feeds: Arrays): OnnxModel {
  const graph = new Graph();
  const result = graph.node("Relu", [graph.node("Add", [graph.node("Mul", ["a", "b"]), "c"])]);
  return finish(graph, feeds, sum ? graph.node("ReduceSum", [result], { keepdims: 0 }) : result);
}

function infer({ network }: InferWork, arrays: Arrays): OnnxModel {
  if (network !== "mlp" && network !== "cnn" && network !== "lenet") throw new Unsupported(`no model of the ${network} network`);
  const graph = new Graph();
  const params = Object.fromEntries(Object.entries(arrays).filter(([name]) => name.includes(".")));
  const layers = [...new Set(Object.keys(params).map((name) => name.split(".")[0]))];
  let x = "x";
  for (const [i, layer] of layers.entries()) {
    const weights = [`${layer}.weight`, `${layer}.bias`];
    const isConv = layer.startsWith("conv");
    if (layer === "linear1") x = graph.node("Flatten", [x]);
    x = isConv ? graph.node("Conv", [x, ...weights]) : graph.node("Gemm", [x, ...weights], { transB: 1 });
    if (i < layers.length - 1) x = graph.node("Relu", [x]);
    if (isConv && (network === "lenet" || layer === "conv2")) x = graph.node("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  graph.constants(params);
  return finish(graph, { x: arrays.x }, x);
}

const MODELS_ONLY = "runs models only: no training and no single operations";

const KINDS: Kinds<OnnxModel> = { matmul, chain, infer, train: MODELS_ONLY, dispatch: MODELS_ONLY, host: MODELS_ONLY };

/** The model of a case. @throws Unsupported if ONNX Runtime cannot do the work */
export const modelOf = (one: Pick<Case, "work" | "arrays">): OnnxModel => byKind(one, KINDS);
