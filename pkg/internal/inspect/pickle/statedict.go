package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
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
