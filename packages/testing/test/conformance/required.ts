/** Keys of a group from words. */
function keys(group: string, words: string): string[] {
  return words
    .trim()
    .split(/\s+/)
    .map((word) => `${group}/${word}`);
}

const ELEMENTWISE = `
  __radd__ __rdiv__ __rmul__ __rpow__ __rsub__ abs acos add asin atan atan2 bool ceil clamp clamp_max clamp_min cos cosh div/floor_rounding
  div/no_rounding_mode div/trunc_rounding eq erf exp expm1 fill float floor floor_divide ge gt int isfinite isinf isnan le lerp log log10
  log1p log2 logical_and logical_not logical_or logical_xor long lt masked_fill max/binary maximum min/binary minimum mul nan_to_num ne neg
  pow reciprocal remainder round round/decimals_0 round/decimals_3 round/decimals_neg_3 rsqrt rsub sigmoid sign sin sinh sqrt square sub tan
  tanh true_divide trunc where xlogy`;

const REDUCTIONS = `
  all amax amin any argmax argmin count_nonzero cumprod cumsum logsumexp max/reduction_no_dim max/reduction_with_dim mean median
  min/reduction_no_dim min/reduction_with_dim norm norm/fro norm/inf prod sort std std_mean sum topk trace unique var var_mean`;

const PRODUCTS = "__rmatmul__ addmm addmm/decomposed baddbmm bmm dot einsum matmul mm mv outer tensordot";

const SHAPES = `
  T broadcast_to cat chunk clone contiguous diag diagonal expand expand_as flatten flip meshgrid/list_of_tensors meshgrid/variadic_tensors
  movedim narrow permute repeat repeat_interleave reshape roll split split/list_args squeeze stack t tile to transpose tril triu unbind
  unflatten unfold unsqueeze view view_as`;

const INDEXING = `
  __getitem__ gather index_add index_copy index_fill index_put index_select masked_scatter masked_select nonzero scatter scatter_add select
  slice take_along_dim`;

const CREATION = `
  arange bernoulli eye full_like linspace multinomial new_empty new_full new_ones new_zeros normal normal/number_mean ones ones_like
  rand_like randint_like randn randn_like uniform zero_ zeros zeros_like`;

const FUNCTIONAL = `
  adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool2d avg_pool1d avg_pool2d batch_norm binary_cross_entropy
  binary_cross_entropy_with_logits celu conv1d conv2d cross_entropy dropout elu embedding gelu glu hardsigmoid hardswish hardtanh huber_loss
  l1_loss leaky_relu linear logsigmoid max_pool1d max_pool2d mish mse_loss nll_loss one_hot prelu relu relu6 selu silu smooth_l1_loss softmin
  softmin/with_dtype softplus softsign`;

const MODULES = `
  AvgPool2d BCELoss BCEWithLogitsLoss BatchNorm1d BatchNorm2d Conv2d CrossEntropyLoss Dropout Flatten GELU HuberLoss L1Loss Linear LogSoftmax
  MSELoss MaxPool2d NLLLoss ReLU Sequential Sigmoid SmoothL1Loss Softmax Tanh`;

const OPTIMIZERS = `
  ASGD Adadelta Adagrad Adam Adam+CosineAnnealingLR Adam+StepLR AdamW AdamW+CosineAnnealingLR AdamW+ExponentialLR Adamax ChainedScheduler
  ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR ExponentialLR LBFGS LambdaLR LinearLR MultiStepLR MultiplicativeLR
  NAdam OneCycleLR PolynomialLR RAdam RMSprop ReduceLROnPlateau Rprop SGD SGD+OneCycleLR SGD+StepLR SWALR SequentialLR StepLR
  clip_grad_norm_ clip_grad_value_`;

/** Keys that every device must have fully right, but for the cases that it leaves out with a reason. */
export const REQUIRED: readonly string[] = [
  ...keys(
    "ops",
    `${ELEMENTWISE} ${REDUCTIONS} ${PRODUCTS} ${SHAPES} ${INDEXING} ${CREATION} softmax softmax/with_dtype log_softmax log_softmax/dtype`,
  ),
  ...keys("ops", FUNCTIONAL).map((key) => key.replace("/", "/nn.functional.")),
  ...keys("modules", MODULES),
  ...keys("optim", OPTIMIZERS),
];
