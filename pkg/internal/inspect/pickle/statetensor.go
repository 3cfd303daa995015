package pickle

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// storage is a persistent id: ("storage", class, key, location, elements)
// (torch/serialization.py, _save.persistent_id).
func (r *stateReader) storage() error {
	v, err := r.pop()
	if err != nil {
		return err
	}
	id, ok := v.(stateTuple)
	if !ok || len(id) != 5 || id[0] != "storage" {
		return errState
	}
	class, ok1 := id[1].(stateGlobal)
	key, ok2 := id[2].(string)
	n, ok3 := id[4].(int64)
	dtype, width := storageType(string(class))
	if !ok1 || !ok2 || !ok3 || width == 0 || id[3] == "meta" || n < 0 || n > math.MaxInt64/int64(width) || key == "" || strings.ContainsAny(key, `/\`) {
		return fmt.Errorf("a storage of an unknown form: %w", errState)
	}
	s := stateStorage{key, dtype, uint64(n) * width}
	if size, ok := r.storages[key]; ok && size != s.bytes {
		return fmt.Errorf("storage %.100q has two sizes", key)
	}
	r.storages[key] = s.bytes
	return r.push(s)
}

func (r *stateReader) call() error {
	pair, err := r.popN(2)
	if err != nil {
		return err
	}
	args, _ := pair[1].(stateTuple)
	switch pair[0] {
	case stateGlobal("collections.OrderedDict"):
		if len(args) != 0 {
			return errState
		}
		return r.push(new(stateDict))
	case stateGlobal("torch._utils._rebuild_parameter"):
		if len(args) == 0 {
			return errState
		}
		return r.push(args[0])
	case stateGlobal("torch._utils._rebuild_tensor_v2"):
		if len(args) < 6 || len(args) > 7 || len(args) == 7 && !nothing(args[6]) {
			return errState
		}
		return r.rebuild(args, "")
	case stateGlobal("torch._utils._rebuild_tensor_v3"):
		if len(args) < 7 || len(args) > 8 || len(args) == 8 && !nothing(args[7]) {
			return errState
		}
		dtype, _ := args[6].(stateGlobal)
		return r.rebuild(args, string(dtype))
	}
	r.called = true
	return r.push(stateOther{})
}

// nothing says that there are no flags that change what the bytes mean, such
// as a conjugate that was not carried out.
func nothing(v any) bool {
	d, ok := v.(*stateDict)
	return v == stateNone{} || ok && len(d.keys) == 0
}

// rebuild makes a tensor of (storage, offset, sizes, strides, …), the numbers
// in elements.
func (r *stateReader) rebuild(args stateTuple, dtype string) error {
	s, ok := args[0].(stateStorage)
	offset, ok1 := args[1].(int64)
	sizes, ok2 := lengths(args[2])
	strides, ok3 := lengths(args[3])
	t := &StateTensor{DType: s.dtype, Shape: sizes, Storage: s.key, StorageBytes: s.bytes, Contiguous: true}
	if dtype != "" {
		t.DType, _ = elementType(strings.TrimPrefix(dtype, "torch."))
	}
	width := widthOf(t.DType)
	if !ok || !ok1 || !ok2 || !ok3 || offset < 0 || len(sizes) != len(strides) || width == 0 {
		return fmt.Errorf("a tensor of an unknown form: %w", errState)
	}
	count, last, over := uint64(1), uint64(offset), false
	for i := len(sizes) - 1; i >= 0; i-- {
		if sizes[i] != 1 && strides[i] != count {
			t.Contiguous = false
		}
		count, over = times(count, sizes[i], over)
		far, tooFar := times(strides[i], max(sizes[i], 1)-1, over)
		last, over = plus(last, far, tooFar)
	}
	r.rebuilt = append(r.rebuilt, t)
	if count == 0 && !over {
		t.Contiguous = true // no byte of it
		return r.push(t)
	}
	end, over := plus(last, 1, over)
	end, over = times(end, width, over)
	if t.Beyond = over || end > s.bytes; !t.Beyond {
		t.Begin, t.End = uint64(offset)*width, end
	}
	return r.push(t)
}

func times(a, b uint64, over bool) (uint64, bool) {
	high, low := bits.Mul64(a, b)
	return low, over || high != 0
}

func plus(a, b uint64, over bool) (uint64, bool) {
	sum, carry := bits.Add64(a, b, 0)
	return sum, over || carry != 0
}

// lengths reads sizes or strides.
func lengths(v any) ([]uint64, bool) {
	t, ok := v.(stateTuple)
	out := make([]uint64, len(t))
	for i, item := range t {
		n, isNumber := item.(int64)
		if !isNumber || n < 0 {
			return nil, false
		}
		out[i] = uint64(n)
	}
	return out, ok && len(t) <= 64 // torch's most dimensions
}

// storageType is the number format of a storage's class, and its width.
func storageType(class string) (string, uint64) {
	kind, ok := strings.CutPrefix(class, "torch.")
	kind, ok2 := strings.CutSuffix(strings.TrimPrefix(kind, "cuda."), "Storage")
	if class == "torch.storage.UntypedStorage" {
		return "", 1
	}
	if !ok || !ok2 {
		return "", 0
	}
	switch kind { // of these no plain tensor is made
	case "QInt8", "QUInt8":
		return "", 1
	case "QInt32":
		return "", 4
	}
	for name, dtype := range map[string]string{
		"Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32", "Short": "I16",
		"Char": "I8", "Byte": "U8", "Bool": "BOOL", "ComplexFloat": "C64", "ComplexDouble": "C128",
	} {
		if name == kind {
			return dtype, widthOf(dtype)
		}
	}
	return "", 0
}

// elementType is what safetensors calls one of torch's dtypes.
func elementType(name string) (string, bool) {
	dtype, ok := map[string]string{
		"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
		"int8": "I8", "uint8": "U8", "bool": "BOOL", "complex64": "C64", "complex128": "C128", "uint16": "U16", "uint32": "U32", "uint64": "U64",
		"float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0",
	}[name]
	return dtype, ok
}

// widthOf is the width of one element in bytes, 0 of an unknown format.
func widthOf(dtype string) uint64 {
	switch dtype {
	case "C128":
		return 16
	case "F64", "I64", "U64", "C64":
		return 8
	case "F32", "I32", "U32":
		return 4
	case "F16", "BF16", "I16", "U16":
		return 2
	case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0":
		return 1
	}
	return 0
}
