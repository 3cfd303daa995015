package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// Limits of ReadStateDict, which needs below 32 MiB for the worst pickle.
const (
	// MaxStateDict in bytes. A tensor needs some 150 bytes and 30 opcodes; the
	// shards of the large models have below 1,000 tensors.
	MaxStateDict = 4 << 20
	maxStateOps  = 1 << 19
)

// ErrNoStateDict is wrapped by errors about a pickle that is no flat list of
// named tensors, or over a limit.
var ErrNoStateDict = errors.New("no flat list of named tensors")

// A StateTensor is one tensor of a state dict: a view of the bytes of a
// storage, which lies elsewhere.
type StateTensor struct {
	Name  string
	DType string // as safetensors calls it
	Shape []uint64
	// Storage is the key of the storage, StorageBytes its size as the pickle
	// says it, the same for all tensors of one storage.
	Storage      string
	StorageBytes uint64
	// Begin and End are where its data lie in the storage, in bytes. They mean
	// something only where Contiguous is true.
	Begin, End uint64
	Contiguous bool // row-major, without holes
	// Beyond says that some element lies behind the end of the storage.
	Beyond bool
}

// ReadStateDict reads the data.pkl of torch's zip: a dictionary of tensors in
// the weights_only profile, as torch.save writes a state dict. It constructs
// nothing that a pickle names and calls nothing: of the calls it knows those
// that rebuild a tensor and an ordered dictionary
// (torch/_utils.py, _rebuild_tensor_v2, _rebuild_tensor_v3, _rebuild_parameter).
func ReadStateDict(data []byte) ([]StateTensor, error) {
	r, top, err := readState(data)
	if err != nil {
		return nil, fmt.Errorf("%w: at byte %d: %w", ErrNoStateDict, r.at, err)
	}
	if r.called {
		return nil, fmt.Errorf("%w: it calls what rebuilds no plain tensor", ErrNoStateDict)
	}
	p := New(false)
	_, _ = p.Write(data)
	if report := p.Report(); report.Verdict != TensorOnly && report.Verdict != DataOnly { // what is imported and not called too
		return nil, fmt.Errorf("%w: it is %v: %s", ErrNoStateDict, report.Verdict, report.Reason)
	}
	d, ok := top.(*stateDict)
	if !ok {
		return nil, fmt.Errorf("%w: the object is no dictionary", ErrNoStateDict)
	}
	out := make([]StateTensor, 0, len(d.keys))
	seen := make(map[string]bool, len(d.keys))
	for i, k := range d.keys {
		name, isText := k.(string)
		t, isTensor := d.values[i].(*StateTensor)
		switch {
		case !isText || !isTensor:
			return nil, fmt.Errorf("%w: entry %d is no named tensor", ErrNoStateDict, i+1)
		case seen[name]:
			return nil, fmt.Errorf("%w: %.100q stands twice", ErrNoStateDict, name)
		}
		seen[name] = true
		one := *t // two names may stand for one object
		one.Name = name
		out = append(out, one)
	}
	return out, nil
}

// Tensors returns, without names, the tensors that a data.pkl rebuilds
// wherever they are in its object, and the sizes in bytes of all storages that
// it names. With an error they are those before it left what is known here.
func Tensors(data []byte) ([]StateTensor, map[string]uint64, error) {
	r, _, err := readState(data)
	if err != nil {
		err = fmt.Errorf("at byte %d: %w", r.at, err)
	}
	out := make([]StateTensor, len(r.rebuilt))
	for i, t := range r.rebuilt {
		out[i] = *t
	}
	return out, r.storages, err
}

func readState(data []byte) (*stateReader, any, error) {
	r := &stateReader{in: data, memo: map[uint64]any{}, storages: map[string]uint64{}}
	if len(data) > MaxStateDict {
		return r, nil, fmt.Errorf("more than %d bytes", MaxStateDict)
	}
	top, err := r.run()
	return r, top, err
}

// What lies on the stack beside bool, int64 and string.
type (
	stateNone   struct{}
	stateOther  struct{} // what is of no interest, such as numbers that are none of ours
	stateTuple  []any
	stateGlobal string
	stateDict   struct{ keys, values []any }
)

type stateStorage struct {
	key   string
	dtype string // "" where it is untyped
	bytes uint64
}

type stateReader struct {
	in       []byte
	at, ops  int
	stack    []any
	marks    []int
	memo     map[uint64]any
	storages map[string]uint64 // sizes by key
	rebuilt  []*StateTensor
	called   bool // something else than what rebuilds tensors
}

var errState = errors.New("what a list of tensors does not have")

func (r *stateReader) run() (any, error) {
	for {
		if r.at >= len(r.in) {
			return nil, errors.New("no end")
		}
		if r.ops++; r.ops > maxStateOps {
			return nil, errFull
		}
		op := r.in[r.at]
		r.at++
		arg, err := r.argument(describe(op))
		if err != nil {
			return nil, err
		}
		if op == '.' {
			top, err := r.pop()
			if err == nil && (len(r.stack) > 0 || len(r.marks) > 0 || r.at != len(r.in)) {
				err = errors.New("more than one object")
			}
			return top, err
		}
		if err := r.execute(op, arg); err != nil {
			return nil, err
		}
	}
}

// argument takes what follows an opcode.
func (r *stateReader) argument(desc opcode) ([]byte, error) {
	if !desc.profile {
		return nil, errors.New("an opcode outside the weights_only profile")
	}
	n := uint64(0)
	switch desc.arg {
	case fixed1, fixed2, fixed4, fixed8:
		n = 1 << (desc.arg - fixed1)
	case counted1, counted4:
		width := 1
		if desc.arg == counted4 {
			width = 4
		}
		if len(r.in)-r.at < width {
			return nil, errors.New("ends too early")
		}
		n = number(r.in[r.at : r.at+width])
		r.at += width
	case twoLines:
		first := strings.IndexByte(string(r.in[r.at:min(r.at+maxName, len(r.in))]), '\n')
		if first < 0 {
			return nil, errors.New("a name without end")
		}
		rest := r.at + first + 1
		second := strings.IndexByte(string(r.in[rest:min(rest+maxName, len(r.in))]), '\n')
		if second < 0 {
			return nil, errors.New("a name without end")
		}
		n = uint64(first + 1 + second + 1)
	}
	if n > uint64(len(r.in)-r.at) {
		return nil, errors.New("ends too early")
	}
	b := r.in[r.at : r.at+int(n)]
	r.at += int(n)
	return b, nil
}

func (r *stateReader) push(v any) error {
	if len(r.stack) == maxStack {
		return errFull
	}
	r.stack = append(r.stack, v)
	return nil
}

func (r *stateReader) pop() (any, error) {
	n := len(r.stack)
	if n == 0 || len(r.marks) > 0 && r.marks[len(r.marks)-1] >= n {
		return nil, errUnderflow
	}
	v := r.stack[n-1]
	r.stack = r.stack[:n-1]
	return v, nil
}

// popN pops n values, the lowest first.
func (r *stateReader) popN(n int) ([]any, error) {
	out := make([]any, n)
	for i := range n {
		v, err := r.pop()
		if err != nil {
			return nil, err
		}
		out[n-1-i] = v
	}
	return out, nil
}

func (r *stateReader) popMark() ([]any, error) {
	n := len(r.marks)
	if n == 0 {
		return nil, errNoMark
	}
	at := r.marks[n-1]
	r.marks = r.marks[:n-1]
	items := append([]any(nil), r.stack[at:]...)
	r.stack = r.stack[:at]
	return items, nil
}

func (r *stateReader) execute(op byte, arg []byte) error {
	switch op {
	case 0x80: // PROTO
		if arg[0] != 2 {
			return fmt.Errorf("protocol %d", arg[0])
		}
		return nil
	case 'N':
		return r.push(stateNone{})
	case 0x88, 0x89:
		return r.push(op == 0x88)
	case 'K', 'M':
		return r.push(int64(number(arg)))
	case 'J':
		return r.push(int64(int32(binary.LittleEndian.Uint32(arg))))
	case 0x8a: // LONG1, little-endian, in two's complement
		if len(arg) > 8 {
			return r.push(stateOther{})
		}
		n := int64(number(arg))
		if k := len(arg); k > 0 && k < 8 {
			n = n << (64 - 8*k) >> (64 - 8*k)
		}
		return r.push(n)
	case 'X', 'U':
		return r.push(string(arg))
	case 'G', 0x8f:
		return r.push(stateOther{})
	case 'h', 'j':
		v, ok := r.memo[number(arg)]
		if !ok {
			return errMemo
		}
		return r.push(v)
	case 'q', 'r':
		v, err := r.pop()
		if err != nil {
			return err
		}
		r.memo[number(arg)] = v
		return r.push(v)
	case 'c':
		return r.push(stateGlobal(strings.Replace(strings.TrimSuffix(string(arg), "\n"), "\n", ".", 1)))
	}
	return r.containers(op)
}

func (r *stateReader) containers(op byte) error {
	switch op {
	case '(':
		if len(r.marks) == maxStack {
			return errFull
		}
		r.marks = append(r.marks, len(r.stack))
		return nil
	case ')':
		return r.push(stateTuple(nil))
	case 0x85, 0x86, 0x87, 't':
		items, err := r.items(op)
		if err != nil {
			return err
		}
		return r.push(stateTuple(items))
	case '}':
		return r.push(new(stateDict))
	case ']':
		return r.push(stateOther{})
	case 's', 'u':
		items, err := r.items(op)
		if err != nil {
			return err
		}
		return r.set(items)
	case 'a', 'e': // a list is of no interest
		if _, err := r.items(op); err != nil {
			return err
		}
		if v, err := r.pop(); err != nil || v != (stateOther{}) {
			return errors.Join(errState, err)
		}
		return r.push(stateOther{})
	case 'Q':
		return r.storage()
	case 'R':
		return r.call()
	case 'b':
		return r.build()
	}
	return errState
}

// items pops what the opcode takes.
func (r *stateReader) items(op byte) ([]any, error) {
	switch op {
	case 't', 'u', 'e':
		return r.popMark()
	case 's':
		return r.popN(2)
	case 'a':
		return r.popN(1)
	}
	return r.popN(int(op) - 0x84)
}

func (r *stateReader) set(items []any) error {
	v, err := r.pop()
	if err != nil {
		return err
	}
	d, ok := v.(*stateDict)
	if !ok || len(items)%2 != 0 {
		return errState
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return r.push(d)
}

// build sets the attributes of an ordered dictionary, such as _metadata. Its
// entries stay as they are.
func (r *stateReader) build() error {
	pair, err := r.popN(2)
	if err != nil {
		return err
	}
	if _, ok := pair[0].(*stateDict); !ok {
		r.called = true // what it sets is not known
		return r.push(stateOther{})
	}
	return r.push(pair[0])
}

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
