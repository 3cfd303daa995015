package safetensors

// bitsOf is the width of one element of every dtype that the reference reader
// knows (safetensors/src/tensor.rs at 24b0b28, enum Dtype). F4 and F6 are
// packed: only whole tensors fill whole bytes.
func bitsOf(dtype string) (uint64, bool) {
	switch dtype {
	case "F4":
		return 4, true
	case "F6_E2M3", "F6_E3M2":
		return 6, true
	case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ":
		return 8, true
	case "I16", "U16", "F16", "BF16":
		return 16, true
	case "I32", "U32", "F32":
		return 32, true
	case "I64", "U64", "F64", "C64":
		return 64, true
	default:
		return 0, false
	}
}
