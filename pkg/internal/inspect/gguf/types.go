package gguf

// A blockType says how many elements one block of a tensor type holds, and in
// how many bytes.
type blockType struct {
	name            string
	elements, bytes uint64
}

// typeOf knows the tensor types of ggml (include/ggml.h and src/ggml-common.h
// at d99724f). Numbers that were taken back (4, 5, 31 to 33, 36 to 38) are
// unknown, as in the reference reader.
func typeOf(id uint32) (blockType, bool) {
	t, ok := scalarType(id)
	if !ok {
		t, ok = quantisedType(id)
	}
	return t, ok
}

func scalarType(id uint32) (blockType, bool) {
	switch id {
	case 0:
		return blockType{"F32", 1, 4}, true
	case 1:
		return blockType{"F16", 1, 2}, true
	case 24:
		return blockType{"I8", 1, 1}, true
	case 25:
		return blockType{"I16", 1, 2}, true
	case 26:
		return blockType{"I32", 1, 4}, true
	case 27:
		return blockType{"I64", 1, 8}, true
	case 28:
		return blockType{"F64", 1, 8}, true
	case 30:
		return blockType{"BF16", 1, 2}, true
	}
	return blockType{}, false
}

func quantisedType(id uint32) (blockType, bool) {
	for _, t := range quantised {
		if t.id == id {
			return t.blockType, true
		}
	}
	return blockType{}, false
}

var quantised = [...]struct {
	id uint32
	blockType
}{
	{2, blockType{"Q4_0", 32, 18}}, {3, blockType{"Q4_1", 32, 20}},
	{6, blockType{"Q5_0", 32, 22}}, {7, blockType{"Q5_1", 32, 24}},
	{8, blockType{"Q8_0", 32, 34}}, {9, blockType{"Q8_1", 32, 36}},
	{10, blockType{"Q2_K", 256, 84}}, {11, blockType{"Q3_K", 256, 110}},
	{12, blockType{"Q4_K", 256, 144}}, {13, blockType{"Q5_K", 256, 176}},
	{14, blockType{"Q6_K", 256, 210}}, {15, blockType{"Q8_K", 256, 292}},
	{16, blockType{"IQ2_XXS", 256, 66}}, {17, blockType{"IQ2_XS", 256, 74}},
	{18, blockType{"IQ3_XXS", 256, 98}}, {19, blockType{"IQ1_S", 256, 50}},
	{20, blockType{"IQ4_NL", 32, 18}}, {21, blockType{"IQ3_S", 256, 110}},
	{22, blockType{"IQ2_S", 256, 82}}, {23, blockType{"IQ4_XS", 256, 136}},
	{29, blockType{"IQ1_M", 256, 56}}, {34, blockType{"TQ1_0", 256, 54}},
	{35, blockType{"TQ2_0", 256, 66}}, {39, blockType{"MXFP4", 32, 17}},
	{40, blockType{"NVFP4", 64, 36}}, {41, blockType{"Q1_0", 128, 18}},
	{42, blockType{"Q2_0", 64, 18}},
}

// The value types of keys (docs/gguf.md, enum gguf_metadata_value_type).
const (
	typeUint32 = 4
	typeBool   = 7
	typeString = 8
	typeArray  = 9
)

// valueSize is the width in bytes of a value type, 0 for strings and arrays.
func valueSize(t uint32) (uint64, bool) {
	switch t {
	case 0, 1, typeBool:
		return 1, true
	case 2, 3:
		return 2, true
	case typeUint32, 5, 6:
		return 4, true
	case 10, 11, 12:
		return 8, true
	case typeString, typeArray:
		return 0, true
	}
	return 0, false
}
