// Package sentencepiece reads SentencePiece's tokenizer models as they stream
// past: how many pieces there are, and the names of the files that it was
// trained on, which some models disclose.
//
// It tokenizes nothing and keeps no pieces. Schema: sentencepiece
// src/sentencepiece_model.proto.
package sentencepiece

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/wire"
)

const (
	// maxPiece bounds one piece in bytes; the trainer's own limit is 16 letters,
	// user-defined symbols are longer.
	maxPiece = 4096
	maxInput = 1024 // bytes of one name
	// maxInputs bounds the names that are kept.
	maxInputs = 64
)

// A Report is what was seen.
type Report struct {
	Pieces int
	Inputs []string // files or patterns that the trainer was given
	More   bool     // names that were not kept
}

// A Parser is an io.Writer for the whole file. Use New.
type Parser struct {
	*wire.Parser
	model, piece, trainer *wire.Message
	r                     Report
	bad                   bool
}

// New returns a parser for a file of size bytes, negative where unknown.
func New(size int64) *Parser {
	type fields = map[protowire.Number]*wire.Message
	type keep = map[protowire.Number]uint64
	p := &Parser{}
	p.piece = &wire.Message{Name: "SentencePiece", Keep: keep{1: maxPiece}}
	p.trainer = &wire.Message{Name: "TrainerSpec", Keep: keep{1: maxInput}}
	p.model = &wire.Message{Name: "ModelProto", Nested: fields{1: p.piece, 2: p.trainer}}
	p.Parser = wire.New(size, p.model, p)
	return p
}

// Begin is called by the walk.
func (p *Parser) Begin(m *wire.Message) {
	if m == p.piece {
		p.r.Pieces++
	}
}

// End is called by the walk.
func (p *Parser) End(*wire.Message) {}

// Number is called by the walk.
func (p *Parser) Number(*wire.Message, protowire.Number, uint64) {}

// Bytes is called by the walk.
func (p *Parser) Bytes(m *wire.Message, _ protowire.Number, b []byte, size uint64) {
	switch {
	case m == p.piece:
		p.bad = p.bad || uint64(len(b)) != size || !utf8.Valid(b)
	case m != p.trainer:
	case uint64(len(b)) != size || len(p.r.Inputs) == maxInputs:
		p.r.More = true
	case strings.TrimSpace(string(b)) != "":
		p.r.Inputs = append(p.r.Inputs, strings.ToValidUTF8(string(b), "\ufffd"))
	}
}

// Report says what was seen, after the last byte, or an error that wraps
// wire.ErrMalformed. A file without pieces is no model, whatever else it is.
func (p *Parser) Report() (Report, error) {
	err := p.Err()
	if err == nil && (p.r.Pieces == 0 || p.bad) {
		err = wire.ErrMalformed
	}
	return p.r, err
}
