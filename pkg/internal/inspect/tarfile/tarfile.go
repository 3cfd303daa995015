// Package tarfile reads a tar front to back as it streams past, and accepts it
// only in the forms that every reader sees alike: POSIX ustar and pax headers,
// and GNU's long names.
//
// It unpacks nothing. Format: POSIX.1-2017, pax, §ustar Interchange Format and
// §pax Header Block.
package tarfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/feed"
)

// Limits. A parser needs at most MaxMembers × 40 bytes, and one extended
// header.
const (
	// MaxMembers is above what a checkpoint of 10,000 tensors has.
	MaxMembers = 65_536
	// maxExtended bounds one pax or long-name header, in bytes.
	maxExtended = 64 << 10
	block       = 512
)

// What errors of this package wrap.
var (
	ErrMalformed = errors.New("malformed tar")
	// ErrNotExamined: a form of tar that no model uses, or over a limit.
	ErrNotExamined = errors.New("tar that is not examined")
)

// A Member is one entry. Link is not "" for links of either kind, Special says
// that it is a device or a pipe.
type Member struct {
	Name    string
	Size    int64 // bytes
	Folder  bool
	Link    string
	Special bool
}

// A Watcher is told of members in order. Open returns what gets the member's
// bytes, or nil; Close is called behind its last byte.
type Watcher interface {
	Open(m Member) io.Writer
	Close()
}

// A Parser is an io.Writer for the whole file. Use New.
type Parser struct {
	feed   feed.Feed
	watch  Watcher
	names  map[[16]byte]struct{}
	out    io.Writer
	left   uint64
	pad    uint64
	long   map[string]string // of extended headers, for the next member
	ended  bool
	zeroes int
	byData feed.Some
}

// New returns a parser.
func New(w Watcher) *Parser {
	p := &Parser{watch: w, names: map[[16]byte]struct{}{}}
	p.byData = p.data
	p.feed.Take(block, p.header)
	return p
}

// Write reads on. It never fails; Err tells.
func (p *Parser) Write(b []byte) (int, error) { return p.feed.Write(b) }

// Err says after the last byte whether the file is one that all readers see
// alike: nil, or an error that wraps ErrMalformed or ErrNotExamined.
func (p *Parser) Err() error {
	err := p.feed.Err()
	switch {
	case errors.Is(err, ErrNotExamined):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	case !p.ended:
		return fmt.Errorf("%w: at byte %d: %w", ErrMalformed, p.feed.Offset(), feed.ErrTruncated)
	case (p.feed.Seen()-p.feed.Offset())%block != 0:
		return fmt.Errorf("%w: its end is no whole block", ErrMalformed)
	}
	return nil
}

func (p *Parser) fail(format string, args ...any) { p.feed.Fail(fmt.Errorf(format, args...)) }

func (p *Parser) header(b []byte) {
	if len(bytes.Trim(b, "\x00")) == 0 {
		p.zeroes++
		p.ended = p.zeroes >= 2
		p.feed.Take(block, p.header)
		return
	}
	if p.zeroes > 0 {
		p.fail("a block of zeroes, and more behind it") // GNU tar stops there, others do not
		return
	}
	h, err := parseHeader(b)
	if err != nil {
		p.fail("header at byte %d: %w", p.feed.Offset()-block, err)
		return
	}
	switch h.kind {
	case 'x', 'L', 'K':
		if h.size > maxExtended {
			p.fail("%w: an extended header of %d bytes", ErrNotExamined, h.size)
			return
		}
		padded := (h.size + block - 1) &^ (block - 1)
		p.feed.Take(padded, func(b []byte) { p.extended(h.kind, b[:h.size], b[h.size:]) })
	case 'g', 'S', 'M', 'V', 'D', 'N':
		p.fail("%w: an entry of kind %q", ErrNotExamined, h.kind)
	default:
		p.member(h)
	}
}

// extended keeps what an extended header says about the next member.
func (p *Parser) extended(kind byte, body, padding []byte) {
	if p.long == nil {
		p.long = map[string]string{}
	}
	key := map[byte]string{'L': "path", 'K': "linkpath"}[kind]
	switch {
	case len(bytes.Trim(padding, "\x00")) > 0:
		p.fail("padding before byte %d is not zero", p.feed.Offset())
		return
	case key != "":
		name := string(bytes.TrimSuffix(body, []byte{0}))
		if _, twice := p.long[key]; twice || strings.IndexByte(name, 0) >= 0 { // readers cut the name there
			p.fail("a long name before byte %d stands twice, or holds a zero byte", p.feed.Offset())
			return
		}
		p.long[key] = name
	default:
		if err := p.records(body); err != nil {
			p.fail("extended header before byte %d: %w", p.feed.Offset(), err)
			return
		}
	}
	p.feed.Take(block, p.header)
}

// records reads pax records: "length key=value\n".
func (p *Parser) records(body []byte) error {
	for len(body) > 0 {
		digits, _, ok := bytes.Cut(body, []byte(" "))
		n, err := strconv.ParseUint(string(digits), 10, 31)
		if !ok || err != nil || int(n) > len(body) || int(n) <= len(digits)+1 || body[n-1] != '\n' {
			return errors.New("a record that is none")
		}
		key, value, ok := strings.Cut(string(body[len(digits)+1:n-1]), "=")
		_, twice := p.long[key]
		switch {
		case !ok || twice || value == "" || strings.IndexByte(value, 0) >= 0: // readers differ on all of these
			return errors.New("a record without value, or twice, or with a zero byte")
		case strings.HasPrefix(key, "GNU.sparse"):
			return fmt.Errorf("%w: a sparse file", ErrNotExamined)
		}
		p.long[key] = value
		body = body[n:]
	}
	return nil
}

func (p *Parser) member(h header) {
	m := Member{Name: h.name, Link: h.link}
	if name, ok := p.long["path"]; ok {
		m.Name = name
	}
	if link, ok := p.long["linkpath"]; ok {
		m.Link = link
	}
	if size, ok := p.long["size"]; ok {
		n, err := strconv.ParseUint(size, 10, 62)
		if err != nil {
			p.fail("member %q: size %q", m.Name, size)
			return
		}
		h.size = n
	}
	p.long = nil
	data := h.size
	switch h.kind {
	case '0', 0, '7':
		m.Link = ""
		m.Folder = h.kind == 0 && strings.HasSuffix(m.Name, "/") // before POSIX
	case '1', '2':
		data = 0
	case '5':
		m.Folder, m.Link, data = true, "", 0
	default:
		m.Special, data = true, 0
	}
	if data != h.size && h.size != 0 || m.Folder && h.size != 0 {
		p.fail("member %q has no data and says that it has", m.Name)
		return
	}
	sum := sha256.Sum256([]byte(m.Name))
	id := [16]byte(sum[:16])
	_, twice := p.names[id]
	switch {
	case twice && !m.Folder:
		p.fail("two members have the name %q", m.Name)
		return
	case len(p.names) == MaxMembers:
		p.fail("%w: more than %d members", ErrNotExamined, MaxMembers)
		return
	}
	p.names[id] = struct{}{}
	m.Size = int64(data)
	p.out = p.watch.Open(m)
	p.left, p.pad = data, (block-data%block)%block
	p.follow()
}

func (p *Parser) follow() {
	if p.left > 0 {
		p.feed.Stream(p.byData)
		return
	}
	p.watch.Close()
	p.out = nil
	p.feed.Take(p.pad, func(b []byte) {
		if len(bytes.Trim(b, "\x00")) > 0 {
			p.fail("padding before byte %d is not zero", p.feed.Offset())
			return
		}
		p.feed.Take(block, p.header)
	})
}

func (p *Parser) data(b []byte) int {
	n := min(uint64(len(b)), p.left)
	if p.out != nil {
		_, _ = p.out.Write(b[:n])
	}
	p.left -= n
	p.follow()
	return int(n)
}
