import { tensor } from "sconce";

const x = tensor([
  [1, 2],
  [3, 4],
]);
console.log(await x.mm(x).tolist());
