/** Invertible functions of tensors, as `torch.distributions.transforms`. */
export { ComposeTransform, IndependentTransform, identityTransform, Transform, type TransformOptions } from "./transform.js";
export {
  AbsTransform,
  AffineTransform,
  type AffineTransformOptions,
  CumulativeDistributionTransform,
  ExpTransform,
  PowerTransform,
  SigmoidTransform,
  SoftplusTransform,
  TanhTransform,
} from "./transforms-scalar.js";
export {
  CatTransform,
  type CatTransformOptions,
  CorrCholeskyTransform,
  LowerCholeskyTransform,
  ReshapeTransform,
  SoftmaxTransform,
  StackTransform,
  StickBreakingTransform,
} from "./transforms-vector.js";
