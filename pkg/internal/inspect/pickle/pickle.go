package pickle

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// A Parser is an io.Writer for a pickle, or for bytes that a loader might take
// for one. Use New.
type Parser struct {
	feed    feed.Feed
	m       machine
	report  Report
	op      byte
	at      int64 // of the opcode at hand
	desc    opcode
	size    uint64 // of a counted argument
	module  string
	cut     bool
	frame   int64 // where the frame at hand ends, 0 outside
	outside string
	active  bool   // something can import or call
	head    []byte // of the first stream, to know torch's magic
	single  bool
	byOp    feed.Step
	byArg   feed.Step
	byCount feed.Step
}

// New returns a parser that follows stream behind stream. Where single is
// true, as for a member of an archive whose end is not known, it stops behind
// the first; what follows is not its business then.
func New(single bool) *Parser {
	p := &Parser{single: single}
	p.byOp, p.byArg, p.byCount = p.opcode, p.argument, p.counted
	p.next()
	return p
}

// Write reads on. It never fails.
func (p *Parser) Write(b []byte) (int, error) {
	if n := len(legacyMagic) - len(p.head); n > 0 {
		p.head = append(p.head, b[:min(n, len(b))]...)
	}
	return p.feed.Write(b)
}

// End is the offset behind what was followed.
func (p *Parser) End() int64 { return p.feed.Offset() }

// Done says that nothing more is asked for.
func (p *Parser) Done() bool { return p.feed.Stopped() }

// Report says what was seen, after the last byte.
func (p *Parser) Report() Report {
	r := p.report
	r.Legacy = string(p.head) == legacyMagic && r.Streams >= legacyStreams
	err := p.feed.End()
	trailing := p.feed.Seen() - p.feed.Offset()
	switch {
	case p.importedOutside() || p.outside != "" && (p.active || r.Calls):
		r.Verdict, r.Reason = CodeCapable, p.outside
	case err != nil && !(r.Legacy || r.Streams > 0 && p.atStart()):
		r.Verdict, r.Reason = Opaque, err.Error()
	case !p.single && trailing > 0 && !r.Legacy:
		r.Verdict, r.Reason = Opaque, fmt.Sprintf("%d bytes after the last stream", trailing)
	case r.Streams > 1 && !r.Legacy:
		r.Verdict, r.Reason = Opaque, fmt.Sprintf("%d streams, one behind the other", r.Streams)
	case !p.active:
		r.Verdict = DataOnly
	default:
		r.Verdict = TensorOnly
	}
	return r
}

// legacyStreams: magic number, protocol, system, object, storage keys; the
// storages follow as raw bytes (torch/serialization.py, _legacy_save).
const legacyStreams = 5

func (p *Parser) importedOutside() bool {
	for _, i := range p.report.Imports {
		if !i.Allowed {
			return true
		}
	}
	return p.report.More > 0
}

// atStart says that the parser waits for the first opcode of another stream.
func (p *Parser) atStart() bool {
	return p.report.Stopped && p.feed.Err() == nil && p.feed.Offset() == p.feed.Seen()
}

func (p *Parser) next() { p.feed.Take(1, p.byOp) }

func (p *Parser) fail(err error) {
	p.feed.Fail(fmt.Errorf("opcode 0x%02x at byte %d: %w", p.op, p.at, err))
}

// leave notes the first thing outside the profile.
func (p *Parser) leave(format string, args ...any) {
	if p.outside == "" {
		p.outside = fmt.Sprintf(format, args...) + fmt.Sprintf(" at byte %d", p.at)
	}
}

func (p *Parser) opcode(b []byte) {
	p.op, p.at = b[0], p.feed.Offset()-1
	p.report.Ops++
	p.desc = describe(p.op)
	p.report.Stopped = false
	if p.desc.arg == invalid {
		p.fail(errors.New("unknown opcode"))
		return
	}
	if !p.desc.profile {
		p.leave("opcode %q is outside the weights_only profile", name(p.op))
	}
	p.active = p.active || p.desc.active
	switch p.desc.arg {
	case none:
		p.argument(nil)
	case fixed1:
		p.feed.Take(1, p.byArg)
	case fixed2:
		p.feed.Take(2, p.byArg)
	case fixed4:
		p.feed.Take(4, p.byArg)
	case fixed8:
		p.feed.Take(8, p.byArg)
	case counted1:
		p.feed.Take(1, p.byCount)
	case counted4, counted4signed:
		p.feed.Take(4, p.byCount)
	case counted8:
		p.feed.Take(8, p.byCount)
	default: // lines
		p.feed.Line(maxName+1, p.lines)
	}
}

// counted has read a length.
func (p *Parser) counted(b []byte) {
	p.size = number(b)
	switch {
	case p.desc.arg == counted4signed && p.size > 1<<31-1:
		p.fail(errors.New("negative length"))
	case p.desc.text && p.size <= maxName:
		p.feed.Take(p.size, p.byArg)
	default:
		p.feed.Skip(p.size, p.byArg)
	}
}

// lines has read one line, of two at GLOBAL and INST.
func (p *Parser) lines(b []byte) {
	p.cut = p.feed.Cut() || len(b) > maxName
	if p.desc.arg == line {
		p.argument(b)
		return
	}
	p.module = string(b)
	cut := p.cut
	p.feed.Line(maxName+1, func(b []byte) {
		p.cut = cut || p.feed.Cut()
		p.argument(b)
	})
}

// argument has read all that belongs to the opcode.
func (p *Parser) argument(b []byte) {
	if err := p.framed(); err != nil {
		p.fail(err)
		return
	}
	if err := p.execute(b); err != nil {
		p.fail(err)
		return
	}
	if p.op != '.' {
		p.next()
		return
	}
	p.report.Streams++
	p.report.Stopped = true
	p.m = machine{}
	p.frame = 0
	legacy := string(p.head) == legacyMagic
	if p.single || legacy && p.report.Streams == legacyStreams {
		return
	}
	p.next()
}

// framed refuses an opcode that straddles the end of its frame: readers
// disagree on what it then is (gh-154848).
func (p *Parser) framed() error {
	end := p.feed.Offset()
	switch {
	case p.op == 0x95:
		if p.frame != 0 && p.at < p.frame {
			return errors.New("frame inside a frame")
		}
	case p.frame != 0 && p.at < p.frame && end > p.frame:
		return errors.New("straddles the end of its frame")
	case p.op == '.' && p.frame != 0 && end < p.frame:
		return errors.New("stops before the end of its frame")
	}
	return nil
}

// dotted puts an imported name together as it is looked up.
func (p *Parser) dotted(module string, name []byte) string {
	if p.cut {
		return "?"
	}
	return module + "." + string(bytes.ToValidUTF8(name, []byte("\ufffd")))
}
