import { obtainOrt } from "../peers/ort-node.js";
import { printProduct } from "./ort-product.js";

await printProduct(obtainOrt(), "cpu");
