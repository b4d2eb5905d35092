/** How a group of names is done here: the way, then the names. */
type Ways = readonly (readonly [how: string, names: string])[];

function table(ways: Ways): { readonly [name: string]: string } {
  return Object.fromEntries(
    ways.flatMap(([how, names]) =>
      names
        .trim()
        .split(/\s+/)
        .map((name) => [name, how] as const),
    ),
  );
}

const CREATION: Ways = [
  [
    'dtypes are strings: `"float32"`',
    "torch.float32 torch.float torch.float64 torch.double torch.int32 torch.int torch.int64 torch.long torch.bool",
  ],
  ['dtypes are strings: `"uint8"`', "torch.uint8 torch.int8 torch.int16 torch.short torch.float16 torch.half torch.bfloat16 torch.dtype"],
  [
    '`tensor(data, { dtype: "int64" })`, `x.type()` for the name',
    `torch.FloatTensor torch.LongTensor torch.ByteTensor torch.DoubleTensor torch.BoolTensor torch.HalfTensor torch.IntTensor
     torch.BFloat16Tensor torch.CharTensor torch.ShortTensor`,
  ],
  ['devices are strings: `"cpu"`, `"webgpu"`', "torch.device"],
  ["`fromTypedArray(array)` shares memory with a typed array", "torch.from_numpy torch.frombuffer"],
  ["a shape is an array of numbers", "torch.Size"],
  ["`Math.PI`, `Math.E`, `Infinity`, `NaN`", "torch.pi torch.e torch.inf torch.nan"],
  ["`asTensor`", "torch.asarray"],
  [
    "tensors are strided; there is one memory format",
    "torch.preserve_format torch.channels_last torch.contiguous_format torch.channels_last_3d",
  ],
  ["tensors are strided; there is one memory format", "torch.layout torch.memory_format torch.strided"],
  ["`empty(size).asStrided(shape, strides)`", "torch.empty_strided Tensor.new_empty_strided"],
  ["`arange`; deprecated in PyTorch", "torch.range"],
];

const TENSORS: Ways = [
  [
    "methods: `a.add(b)`; JavaScript has no operators for objects",
    "Tensor.__add__ Tensor.__and__ Tensor.__eq__ Tensor.__ge__ Tensor.__gt__",
  ],
  [
    "methods: `a.add(b)`; JavaScript has no operators for objects",
    "Tensor.__invert__ Tensor.__le__ Tensor.__lt__ Tensor.__matmul__ Tensor.__mul__",
  ],
  [
    "methods: `a.add(b)`; JavaScript has no operators for objects",
    "Tensor.__ne__ Tensor.__neg__ Tensor.__or__ Tensor.__pow__ Tensor.__sub__",
  ],
  [
    "methods: `a.add(b)`; JavaScript has no operators for objects",
    "Tensor.__truediv__ Tensor.__abs__ Tensor.__floordiv__ Tensor.__mod__ Tensor.__xor__",
  ],
  ["methods: `a.add(b)`; JavaScript has no operators for objects", "Tensor.__lshift__ Tensor.__rshift__ Tensor.__pos__"],
  ["methods with the number first as a tensor: `scalar(2).sub(x)`, `x.rsub(2)`", "Tensor.__radd__ Tensor.__rmul__ Tensor.__rsub__"],
  [
    "methods with the number first as a tensor: `scalar(2).sub(x)`, `x.rsub(2)`",
    "Tensor.__rtruediv__ Tensor.__rpow__ Tensor.__rfloordiv__ Tensor.__rmatmul__",
  ],
  ["in-place methods: `a.add_(b)`", "Tensor.__iadd__ Tensor.__imul__ Tensor.__isub__ Tensor.__itruediv__ Tensor.__ipow__"],
  ["`x.at(...)` and `x.setAt(index, value)`", "Tensor.__getitem__ Tensor.__setitem__"],
  ["`x.unbind()`", "Tensor.__iter__"],
  [
    "`await x.item()`, or `x.itemSync()` on a device that can block",
    "Tensor.__bool__ Tensor.__float__ Tensor.__int__ Tensor.__index__ Tensor.__contains__",
  ],
  ["`x.length`", "Tensor.__len__"],
  ["`String(x)`", "Tensor.__repr__ Tensor.__format__"],
  ["objects are compared by identity", "Tensor.__hash__"],
  ["`x.clone()`", "Tensor.__deepcopy__"],
  ["`await x.data()`, or `x.typedArray()` for shared memory", "Tensor.numpy Tensor.__array__"],
  ['`x.device === "webgpu"`, `x.to("webgpu")`', "Tensor.cuda Tensor.is_cuda Tensor.is_cpu Tensor.get_device"],
  ["`x.itemsize`", "Tensor.element_size"],
  [
    "`x.storage`, the object itself, says whether memory is shared",
    "Tensor.data_ptr Tensor.untyped_storage Tensor.is_set_to torch.UntypedStorage",
  ],
  ["the function `multinomial(x, n)`", "Tensor.multinomial"],
  ["the function `bernoulli(x)`", "Tensor.bernoulli"],
  ["`x.numel()`", "Tensor.nelement"],
  ["`x.ndim`", "Tensor.ndimension"],
  ["`x.storage.version`", "Tensor._version"],
  ["`x.clamp`; the functions `clip`, `absolute` and so on are in `@sconce/core/math`", "Tensor.clip Tensor.clip_"],
  [
    "the shorter name (`abs`, `mul`, `sub`, `div`); functions of that name in `@sconce/core/math`",
    "Tensor.absolute Tensor.absolute_ Tensor.multiply",
  ],
  [
    "the shorter name (`abs`, `mul`, `sub`, `div`); functions of that name in `@sconce/core/math`",
    "Tensor.multiply_ Tensor.subtract Tensor.subtract_ Tensor.divide Tensor.divide_",
  ],
  [
    "the shorter name (`neg`, `gt`, `ge`, `lt`, `le`, `ne`, `trunc_`)",
    "Tensor.negative Tensor.negative_ Tensor.greater Tensor.greater_ Tensor.fix_",
  ],
  [
    "the shorter name (`neg`, `gt`, `ge`, `lt`, `le`, `ne`, `trunc_`)",
    "Tensor.greater_equal Tensor.greater_equal_ Tensor.less Tensor.less_",
  ],
  [
    "the shorter name (`neg`, `gt`, `ge`, `lt`, `le`, `ne`, `trunc_`)",
    "Tensor.less_equal Tensor.less_equal_ Tensor.not_equal Tensor.not_equal_",
  ],
  [
    "the shorter name (`acos`, `asinh`, `atan2`)",
    "Tensor.arccos Tensor.arccos_ Tensor.arcsin Tensor.arcsin_ Tensor.arctan Tensor.arctan_ Tensor.arctan2",
  ],
  [
    "the shorter name (`acos`, `asinh`, `atan2`)",
    "Tensor.arctan2_ Tensor.arccosh Tensor.arccosh_ Tensor.arcsinh Tensor.arcsinh_ Tensor.arctanh Tensor.arctanh_",
  ],
  ["`transpose`", "Tensor.swapdims_"],
  ["the function `histogram`", "Tensor.histogram"],
  ["functions of `@sconce/core/linalg`", "Tensor.det Tensor.logdet Tensor.slogdet Tensor.cholesky Tensor.qr Tensor.svd Tensor.lu"],
  [
    "functions of `@sconce/core/linalg`",
    "Tensor.lu_solve Tensor.matrix_exp Tensor.cholesky_inverse Tensor.cholesky_solve Tensor.geqrf Tensor.ormqr",
  ],
  ["`inv`, `pinv`, `householderProduct`, `solveTriangular` of `@sconce/core/linalg`", "Tensor.inverse Tensor.pinverse Tensor.orgqr"],
  ["`inv`, `pinv`, `householderProduct`, `solveTriangular` of `@sconce/core/linalg`", "torch.inverse torch.pinverse torch.orgqr"],
  ["`inv`, `pinv`, `householderProduct`, `solveTriangular` of `@sconce/core/linalg`", "torch.triangular_solve Tensor.triangular_solve"],
  ["functions of `@sconce/core/fft`", "Tensor.stft Tensor.istft"],
  ["functions of `@sconce/core/special`", "Tensor.i0 Tensor.igamma Tensor.igammac Tensor.mvlgamma Tensor.polygamma"],
  [
    "functions of `@sconce/core/math`",
    "Tensor.gcd Tensor.lcm Tensor.nextafter Tensor.frexp Tensor.narrow_copy Tensor.resize_ Tensor.resize_as_ Tensor.isreal",
  ],
  [
    "functions of `@sconce/core/math`",
    "Tensor.resolve_conj Tensor.resolve_neg Tensor.split_with_sizes Tensor.conj Tensor.conj_physical Tensor.angle Tensor.real",
  ],
  ["`x.diagonal()`, `a.matmul(b)`", "torch.linalg.diagonal torch.linalg.matmul"],
  ["the method `x.indexPut_`", "torch.index_put_"],
];

const AUTOGRAD: Ways = [
  ["static methods of the user's class", "Function.forward Function.backward Function.setup_context"],
  ["derived from `backward`: forward mode and `vmap` need no methods of their own", "Function.jvp Function.vmap ctx.save_for_forward"],
  ["tensors are their own variables", "torch.autograd.Variable"],
  ["the type `Node`", "torch.autograd.graph.Node"],
  ["always so: the tape keeps values, not memory", "torch.autograd.graph.allow_mutation_on_saved_tensors"],
  ["`jvp` and `linearize` of `@sconce/autograd/func`", "torch.autograd.forward_ad.dual_level torch.autograd.forward_ad.make_dual"],
  ["`jvp` and `linearize` of `@sconce/autograd/func`", "torch.autograd.forward_ad.unpack_dual torch.autograd.forward_ad.enter_dual_level"],
  ["`jvp` and `linearize` of `@sconce/autograd/func`", "torch.autograd.forward_ad.exit_dual_level"],
];

const MODULES: Ways = [
  ['`net.to("webgpu")`', "Module.cuda"],
  ["`net(x)`: a module is a function", "Module.__call__"],
  ["`String(net)`", "Module.__repr__"],
  ["fields of the module; `namedParameters()`, `namedBuffers()`, `namedChildren()`", "Module._modules Module._parameters Module._buffers"],
  ["`new nn.Sequential({ name: layer })`", "Sequential(OrderedDict)"],
  ["`net.to(dtype)`", "Module.type"],
  [
    "methods `at`, `get`, `set`, iteration and `length`",
    "ModuleList.__getitem__ Sequential.__getitem__ Sequential.__len__ ModuleDict.__getitem__",
  ],
  ["iteration gives keys and values, as a Map", "ModuleDict.items ParameterDict.items"],
  ["`registerFullBackwardHook`; deprecated in PyTorch", "Module.register_backward_hook"],
  ["the option `{ inplace: true }`", "F.leaky_relu_ F.relu_ F.celu_ F.elu_ F.hardtanh_ F.rrelu_ F.selu_ F.threshold_"],
  ["`interpolate`; deprecated in PyTorch", "F.upsample_bilinear F.upsample_nearest"],
  ["`clipGradNorm_`; deprecated in PyTorch", "nn.utils.clip_grad_norm"],
];

const REST: Ways = [
  [
    "an option of the same name in camelCase",
    `DataLoader(batch_size=) DataLoader(collate_fn=) DataLoader(drop_last=) DataLoader(num_workers=) DataLoader(sampler=)
     DataLoader(shuffle=) DataLoader(batch_sampler=) DataLoader(generator=)`,
  ],
  ["the option `device` uploads a batch ahead", "DataLoader(pin_memory=)"],
  ["the type `Sampler`", "torch.utils.data.Sampler"],
  ["an option of `loadStateDict`", "load_state_dict(strict=False)"],
  ["tensors come on the default device: `setDefaultDevice`, then `.to(device)`", "torch.load(map_location=)"],
  ["files hold tensors only: `save` writes safetensors", "torch.load(weights_only=) torch.serialization.safe_globals"],
  ["`getDefaultDType`, `setDefaultDType`, `setPrintOptions`", "torch.get_default_dtype torch.set_default_dtype torch.set_printoptions"],
  ["`setDefaultDType`; deprecated in PyTorch", "torch.set_default_tensor_type"],
  ["`startedDevices()`, `await init()`", "torch.cuda.is_available torch.accelerator.is_available torch.accelerator.current_accelerator"],
  ["the version of the npm package", "torch.__version__"],
  ["`assertClose` of `@sconce/core/testing`; deprecated in PyTorch", "torch.testing.assert_allclose"],
  ["the type `HookHandle`", "torch.utils.hooks.RemovableHandle"],
  ["`memory()`", "torch.accelerator.memory.memory_allocated torch.accelerator.memory.max_memory_allocated"],
  ["there are no complex dtypes: `x.dtype`", "torch.is_complex Tensor.is_complex"],
];

/** Names that are here in another form: how. */
export const DIFFERENT: { readonly [name: string]: string } = table([...CREATION, ...TENSORS, ...AUTOGRAD, ...MODULES, ...REST]);

/** Why names are left out, by pattern; the first that fits counts. */
export const LEFT_OUT: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/complex|cfloat|cdouble|chalf|conj|is_neg|Tensor\.(imag|cfloat)|resolve_/, "there are no complex tensors"],
  [/float8|float4|uint(16|32|64)|SparseAdam|sparse/, "no such dtypes and layouts"],
  [/dlpack|data_ptr|share_memory|is_shared|pin_memory|is_pinned|from_file/, "memory is JavaScript's or the device's own"],
  [/torch\.distributed|parallel|DataParallel|multiprocessing|SyncBatchNorm|persistent_workers/, "no distributed training"],
  [/serialization|TypedStorage|UntypedStorage|torch\.load\(|zip checkpoint/, "no pickled files"],
  [/accelerator|cuda|mps|Stream|torch\.Event|torch\.cpu|device_module/, "devices are those of a browser"],
  [/SummaryWriter|tensorboard|profiler|benchmark|flop_counter|collect_env/, "tools apart from the library"],
  [
    /torch\.compile|Module\.compile|torch\.library|overrides|__torch_function__|privateuse1|as_subclass|__reduce_ex__/,
    "no compiler, no extension from Python",
  ],
  [/torch\.hub|onnx/, "no hub and no exporter"],
  [/num_interop|flush_denormal|warn_always|debug_mode|multithreading|float32_matmul/, "a setting of PyTorch's own machinery"],
  [/IterDataPipe|MapDataPipe|functional_datapipe|multiprocessing_context|Lazy|lazy|Uninitialized/, "withdrawn or on trial in PyTorch"],
];
