package safetensors

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// A splitter cuts the header object into its members while it streams, so
// that a header of any allowed size needs no more memory than its largest
// member. It looks at nothing but strings and brackets; each member is then
// read strictly on its own. A text whose every member is valid alone, between
// the braces and commas that the splitter saw, is a valid object.
type splitter struct {
	state  splitState
	depth  int // of brackets inside the member
	text   bool
	escape bool
	count  int
	member []byte
	emit   func(member []byte) error
}

type splitState uint8

const (
	beforeObject splitState = iota
	inObject
	afterObject
)

func (s *splitter) write(p []byte) error {
	for _, c := range p {
		if err := s.next(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *splitter) next(c byte) error {
	switch s.state {
	case beforeObject:
		// README of safetensors, §Format: the header MUST begin with '{'. The
		// reference reader lets white space pass; others do not, so we do not.
		if c != '{' {
			return fmt.Errorf("header begins with %q, want '{'", c)
		}
		s.state = inObject
		return nil
	case afterObject:
		// README, §Format: the header MAY be padded with 0x20 at its end.
		if c != ' ' {
			return fmt.Errorf("byte 0x%02x after the header object, want padding by spaces", c)
		}
		return nil
	}
	if s.text {
		s.inText(c)
		return s.keep(c)
	}
	switch c {
	case '"':
		s.text = true
	case '{', '[':
		s.depth++
	case '}', ']':
		if s.depth == 0 {
			if c == ']' {
				return fmt.Errorf("header closes with ']'")
			}
			s.state = afterObject
			return s.flush(true)
		}
		s.depth--
	case ',':
		if s.depth == 0 {
			return s.flush(false)
		}
	}
	return s.keep(c)
}

func (s *splitter) inText(c byte) {
	switch {
	case s.escape:
		s.escape = false
	case c == '\\':
		s.escape = true
	case c == '"':
		s.text = false
	}
}

func (s *splitter) keep(c byte) error {
	if len(s.member) >= MaxMember {
		return fmt.Errorf("a header entry is over %d bytes: %w", MaxMember, feed.ErrTooLarge)
	}
	s.member = append(s.member, c)
	return nil
}

func (s *splitter) flush(last bool) error {
	m := s.member
	s.member = s.member[:0]
	if last && s.count == 0 && blank(m) {
		return nil // an empty object
	}
	s.count++
	return s.emit(m)
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}
