package pickle

import "strings"

// allowedGlobal says whether the weights_only unpickler resolves a name
// (_get_allowed_globals at 00f730b, defaults only: what a user adds by
// add_safe_globals is that user's decision).
func allowedGlobal(name string) bool {
	switch name {
	case "collections.OrderedDict", "collections.Counter",
		"torch.nn.parameter.Parameter", "torch.serialization._get_layout",
		"torch.Size", "torch.Tensor", "torch.device", "_codecs.encode",
		"builtins.bytearray", "builtins.set", "builtins.complex",
		"__builtin__.bytearray", "__builtin__.set", "__builtin__.complex", // mapped by fix_imports
		"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
		"torch._utils._rebuild_qtensor", "torch._utils._rebuild_tensor",
		"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
		"torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_meta_tensor_no_storage",
		"torch._utils._rebuild_wrapper_subclass", "torch._utils._rebuild_device_tensor_from_numpy",
		"torch._utils._rebuild_device_tensor_from_cpu_tensor",
		"torch._tensor._rebuild_from_type_v2",
		"torch.storage.TypedStorage", "torch.storage.UntypedStorage",
		"torch.per_tensor_affine", "torch.per_tensor_symmetric", "torch.per_channel_affine",
		"torch.per_channel_symmetric", "torch.per_channel_affine_float_qparams":
		return true
	}
	rest, ok := strings.CutPrefix(name, "torch.")
	return ok && (allowedDType(rest) || allowedClass(rest))
}

func allowedDType(name string) bool {
	switch name {
	case "float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64",
		"uint8", "uint16", "uint32", "uint64", "bool", "complex32", "complex64", "complex128",
		"float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2",
		"quint8", "qint8", "qint32", "quint4x2", "quint2x4":
		return true
	}
	return false
}

// allowedClass knows torch's typed tensor and storage classes: FloatStorage,
// FloatTensor, cuda.FloatTensor, sparse.FloatTensor.
func allowedClass(name string) bool {
	kind := ""
	if kind, _ = strings.CutSuffix(name, "Storage"); kind == name {
		if kind, _ = strings.CutSuffix(name, "Tensor"); kind == name {
			return false
		}
		kind = strings.TrimPrefix(kind, "cuda.")
		kind = strings.TrimPrefix(kind, "sparse.")
	} else {
		kind = strings.TrimPrefix(kind, "cuda.")
	}
	switch kind {
	case "Double", "Float", "Half", "Long", "Int", "Short", "Char", "Byte", "Bool", "BFloat16",
		"ComplexDouble", "ComplexFloat", "QUInt8", "QInt8", "QInt32", "QUInt4x2", "QUInt2x4":
		return true
	}
	return false
}

// buildable says whether BUILD may set the state of what name made: tensors,
// parameters and ordered dictionaries (load_build of the same file).
func buildable(name string) bool {
	return name == "collections.OrderedDict" || name == "torch.Tensor" || name == "torch.nn.parameter.Parameter" ||
		strings.HasPrefix(name, "torch._utils._rebuild_") || name == "torch._tensor._rebuild_from_type_v2"
}

// legacyMagic is the first object of torch's stacked format, as LONG1 of
// protocol 2 (torch/serialization.py, MAGIC_NUMBER 0x1950a86a20f9469cfc6c).
const legacyMagic = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
