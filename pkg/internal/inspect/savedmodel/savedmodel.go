// Package savedmodel reads TensorFlow's saved_model.pb as it streams past and
// lists the operators of its graphs.
//
// It keeps no constants and builds no graph. Schema: tensorflow/core/protobuf
// saved_model.proto and meta_graph.proto, core/framework graph.proto.
package savedmodel

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/wire"
)

const (
	// maxOperators bounds distinct operators: TensorFlow has some 1,500.
	maxOperators = 4096
	maxName      = 256 // bytes
)

// A Report is what was seen. All lists are sorted.
type Report struct {
	Graphs    int
	Nodes     int
	Code      []string // operators that call Python or load libraries
	Network   []string
	Files     []string
	Variables []string // the operators that save and restore variables
	Unlisted  []string // not known to be inert
	More      bool
}

// A Parser is an io.Writer for the whole file. Use New.
type Parser struct {
	*wire.Parser
	node, graph, model *wire.Message
	operators          map[string]bool
	defined            map[string]bool // functions of the file, which nodes call by name
	signature          *wire.Message
	r                  Report
}

// New returns a parser for a file of size bytes, negative where unknown.
func New(size int64) *Parser {
	type fields = map[protowire.Number]*wire.Message
	type keep = map[protowire.Number]uint64
	p := &Parser{operators: map[string]bool{}, defined: map[string]bool{}}
	p.node = &wire.Message{Name: "NodeDef", Keep: keep{2: maxName}}
	p.signature = &wire.Message{Name: "OpDef", Keep: keep{1: maxName}}
	function := &wire.Message{Name: "FunctionDef", Nested: fields{1: p.signature, 3: p.node}}
	library := &wire.Message{Name: "FunctionDefLibrary", Nested: fields{1: function}}
	p.graph = &wire.Message{Name: "GraphDef", Nested: fields{1: p.node, 2: library}}
	meta := &wire.Message{Name: "MetaGraphDef", Nested: fields{2: p.graph}}
	p.model = &wire.Message{Name: "SavedModel", Nested: fields{2: meta}, Numbers: map[protowire.Number]bool{1: true}}
	p.Parser = wire.New(size, p.model, p)
	return p
}

// Begin is called by the walk.
func (p *Parser) Begin(m *wire.Message) {
	switch m {
	case p.graph:
		p.r.Graphs++
	case p.node:
		p.r.Nodes++
	}
}

// End is called by the walk.
func (p *Parser) End(*wire.Message) {}

// Number is called by the walk.
func (p *Parser) Number(*wire.Message, protowire.Number, uint64) {}

// Bytes is called by the walk.
func (p *Parser) Bytes(m *wire.Message, _ protowire.Number, b []byte, size uint64) {
	names := p.operators
	if m == p.signature {
		names = p.defined
	}
	if uint64(len(b)) != size || len(names) == maxOperators && !names[string(b)] {
		p.r.More = true
		return
	}
	names[string(b)] = true
}

// Report says what was seen, after the last byte, or an error that wraps
// wire.ErrMalformed.
func (p *Parser) Report() (Report, error) {
	r := p.r
	for op := range p.operators {
		switch {
		case matches(code, op):
			r.Code = append(r.Code, op)
		case matches(network, op):
			r.Network = append(r.Network, op)
		case matches(variables, op):
			r.Variables = append(r.Variables, op)
		case matches(files, op):
			r.Files = append(r.Files, op)
		case p.defined[op] || inertOperator(op):
		default:
			r.Unlisted = append(r.Unlisted, op)
		}
	}
	for _, list := range [][]string{r.Code, r.Network, r.Files, r.Variables, r.Unlisted} {
		slices.Sort(list)
	}
	return r, p.Err()
}

// matches looks an operator up; a name that ends in "*" stands for all that
// begin with it.
func matches(list []string, op string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			return strings.HasPrefix(op, prefix)
		}
		return op == name
	})
}
