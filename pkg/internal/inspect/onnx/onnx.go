// Package onnx reads an ONNX model as it streams past: where its tensors lie,
// which operators it needs, and how many numbers it holds.
//
// It keeps no tensor data and builds no graph. Schema: onnx/onnx.proto (IR
// version 13).
package onnx

import (
	"math/bits"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/wire"
)

// Limits on what is kept of one model.
const (
	// maxDistinct bounds distinct locations, domains and operators. The
	// standard has some 200 operators; large exports have one external file.
	maxDistinct = 1024
	maxText     = 1024 // bytes
)

// A Report is what was seen.
type Report struct {
	IR        uint64
	Producer  string
	Domains   []string // operator sets that are asked for, sorted out of ONNX's own
	Functions []string // domains that the model itself defines
	Locations []string // external data, as written
	Context   bool     // an operator that carries a compiled engine
	Tensors   int      // initializers
	Elements  uint64
	ByType    map[string]uint64
	Overflow  bool // sizes that overflow 64 bits
	More      bool // some list is not complete
}

// A Parser is an io.Writer for the whole file. Use New.
type Parser struct {
	*wire.Parser
	r      Report
	schema schema
	dims   uint64
	over   bool
	dtype  uint64
	key    string
	value  string
}

type schema struct {
	model, graph, node, attribute, tensor, entry, opset, function, sparse, training *wire.Message
}

// New returns a parser for a file of size bytes, negative where unknown.
func New(size int64) *Parser {
	p := &Parser{r: Report{ByType: map[string]uint64{}}, schema: newSchema()}
	p.Parser = wire.New(size, p.schema.model, p)
	return p
}

// Report says what was seen, after the last byte, or an error that wraps
// wire.ErrMalformed.
func (p *Parser) Report() (Report, error) { return p.r, p.Err() }

// newSchema holds the fields that are looked at, by onnx.proto's numbers.
func newSchema() schema {
	type fields = map[protowire.Number]*wire.Message
	type keep = map[protowire.Number]uint64
	type numbers = map[protowire.Number]bool
	s := schema{
		entry:  &wire.Message{Name: "StringStringEntryProto", Keep: keep{1: maxText, 2: maxText}},
		opset:  &wire.Message{Name: "OperatorSetIdProto", Keep: keep{1: maxText}},
		graph:  &wire.Message{Name: "GraphProto"},
		tensor: &wire.Message{Name: "TensorProto", Keep: keep{1: maxText}, Numbers: numbers{1: true, 2: true, 14: true}},
	}
	s.tensor.Nested = fields{13: s.entry}
	s.sparse = &wire.Message{Name: "SparseTensorProto", Nested: fields{1: s.tensor, 2: s.tensor}}
	s.attribute = &wire.Message{Name: "AttributeProto", Nested: fields{5: s.tensor, 6: s.graph, 10: s.tensor, 11: s.graph, 22: s.sparse, 23: s.sparse}}
	s.node = &wire.Message{Name: "NodeProto", Nested: fields{5: s.attribute}, Keep: keep{4: maxText, 7: maxText}}
	s.graph.Nested = fields{1: s.node, 5: s.tensor, 15: s.sparse}
	s.function = &wire.Message{Name: "FunctionProto", Nested: fields{7: s.node, 9: s.opset, 11: s.attribute}, Keep: keep{10: maxText}}
	s.training = &wire.Message{Name: "TrainingInfoProto", Nested: fields{1: s.graph, 2: s.graph}}
	s.model = &wire.Message{Name: "ModelProto", Nested: fields{7: s.graph, 8: s.opset, 20: s.training, 25: s.function},
		Keep: keep{2: maxText}, Numbers: numbers{1: true}}
	return s
}

// Begin is called by the walk.
func (p *Parser) Begin(m *wire.Message) {
	switch m {
	case p.schema.tensor:
		p.dims, p.dtype, p.over = 1, 0, false
	case p.schema.entry:
		p.key, p.value = "", ""
	}
}

// End is called by the walk.
func (p *Parser) End(m *wire.Message) {
	switch m {
	case p.schema.tensor:
		p.tensor()
	case p.schema.entry:
		if p.key == "location" {
			p.list(&p.r.Locations, p.value)
		}
	}
}

func (p *Parser) tensor() {
	sum, carry := bits.Add64(p.r.Elements, p.dims, 0)
	if p.over || carry != 0 {
		p.r.Overflow = true
		return
	}
	p.r.Tensors++
	p.r.Elements = sum
	p.r.ByType[typeName(p.dtype)] += p.dims
}

// Bytes is called by the walk.
func (p *Parser) Bytes(m *wire.Message, n protowire.Number, b []byte, size uint64) {
	if uint64(len(b)) != size {
		p.r.More = true
	}
	switch {
	case m == p.schema.entry && n == 1:
		p.key = string(b)
	case m == p.schema.entry:
		p.value = string(b)
		if uint64(len(b)) != size {
			p.value = "\x00" // over all bounds: no name of a file
		}
	case m == p.schema.opset && n == 1, m == p.schema.node && n == 7:
		p.domain(string(b))
	case m == p.schema.node && string(b) == "EPContext":
		p.r.Context = true
	case m == p.schema.function:
		p.list(&p.r.Functions, string(b))
	case m == p.schema.model:
		p.r.Producer = string(b)
	case m == p.schema.tensor: // packed dimensions
		for len(b) > 0 {
			v, k := protowire.ConsumeVarint(b)
			if k < 0 {
				p.over = true
				return
			}
			p.dimension(v)
			b = b[k:]
		}
	}
}

// Number is called by the walk.
func (p *Parser) Number(m *wire.Message, n protowire.Number, v uint64) {
	switch {
	case m == p.schema.model:
		p.r.IR = v
	case n == 1:
		p.dimension(v)
	case n == 2:
		p.dtype = v
	}
}

func (p *Parser) dimension(v uint64) {
	hi, lo := bits.Mul64(p.dims, v)
	p.dims = lo
	p.over = p.over || hi != 0
}

// domain notes an operator set that is not ONNX's own. com.microsoft is built
// into ONNX Runtime and noted all the same.
func (p *Parser) domain(d string) {
	switch d {
	case "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training":
		return
	}
	p.list(&p.r.Domains, d)
}

func (p *Parser) list(into *[]string, s string) {
	for _, have := range *into {
		if have == s {
			return
		}
	}
	if len(*into) == maxDistinct {
		p.r.More = true
		return
	}
	*into = append(*into, s)
}

// Custom are the domains that neither ONNX, nor ONNX Runtime, nor the model
// itself defines.
func (r Report) Custom() []string {
	var out []string
	for _, d := range r.Domains {
		own := strings.HasPrefix(d, "com.microsoft")
		for _, f := range r.Functions {
			own = own || f == d
		}
		if !own {
			out = append(out, d)
		}
	}
	return out
}

// typeName is TensorProto.DataType.
func typeName(t uint64) string {
	names := [...]string{
		"UNDEFINED", "F32", "U8", "I8", "U16", "I16", "I32", "I64", "STRING", "BOOL", "F16", "F64", "U32", "U64", "C64", "C128", "BF16",
		"F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", "U4", "I4", "F4", "F8_E8M0", "U2", "I2",
	}
	if t < uint64(len(names)) {
		return names[t]
	}
	return "unknown"
}
