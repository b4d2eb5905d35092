import * as ort from "onnxruntime-web";
import type { Ort } from "../peers/ort.js";
import { printProduct } from "./ort-product.js";

ort.env.wasm.numThreads = 1;
await printProduct(ort as unknown as Ort, "wasm");
