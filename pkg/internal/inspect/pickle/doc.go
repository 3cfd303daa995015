// Package pickle reads a pickle as it streams past, by its own opcode loop,
// and says what loading it can do. It constructs, imports and calls nothing.
//
// The measure is PyTorch's weights_only unpickler
// (torch/_weights_only_unpickler.py at 00f730b): an allow-list of opcodes and
// of names that is kept upstream. What is outside it is code-capable, with the
// names it imports as evidence; what cannot be followed is opaque. The loop
// follows the C unpickler (CPython, Modules/_pickle.c), not pickletools, which
// differ where it matters (gh-154848).
package pickle

// A Verdict says what loading a pickle can do at most. The zero value is that
// nobody knows.
type Verdict uint8

// The verdicts.
const (
	// Opaque: it cannot be followed to its end, or readers disagree on it.
	Opaque Verdict = iota
	// CodeCapable: it imports or calls something outside the allow-list.
	CodeCapable
	// TensorOnly: it keeps to the weights_only profile.
	TensorOnly
	// DataOnly: it has no opcode that imports or calls anything.
	DataOnly
)

// String returns the word used in findings.
func (v Verdict) String() string {
	switch v {
	case CodeCapable:
		return "code-capable"
	case TensorOnly:
		return "tensor-only"
	case DataOnly:
		return "data-only"
	default:
		return "opaque"
	}
}

// An Import is a name that the pickle imports, and where in the stream.
type Import struct {
	Name    string // "os.system"; "?" where it could not be followed
	Offset  int64  // of the opcode, in bytes
	Allowed bool   // by the profile
}

// A Report is what was seen.
type Report struct {
	Verdict Verdict
	Reason  string // why it is not better, with the offset; "" where nothing is missing
	Imports []Import
	More    int  // imports that are not listed
	Calls   bool // some REDUCE, NEWOBJ, OBJ, INST or BUILD was reached
	Stopped bool // STOP was reached
	Streams int  // complete pickles, one behind the other
	Legacy  bool // the streams of torch's format before 1.6, with raw storages behind
	Ops     int64
}

// Limits. A parser needs below 16 MiB for the worst stream, some 100 kB for a
// usual one.
const (
	// maxStack is the deepest stack, and the most open marks. Picklers write
	// lists and dictionaries in batches of 1,000 items.
	maxStack = 1 << 17
	// maxMemo, in entries of 12 bytes: the data.pkl of a shard with 10,000
	// tensors memoises about 200,000 objects.
	maxMemo = 1 << 20
	// maxName in bytes: the longest of torch's own names has 52.
	maxName    = 256
	maxGlobals = 4096
	maxTexts   = 4096
	// maxImports is how many are listed; honest checkpoints have below 30.
	maxImports = 64
)
